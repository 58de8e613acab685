// The finished file on a screen in a headset: WebXR with a media layer, where the browser has both. Needs https or
// localhost. Written from the specifications (WebXR Device API, WebXR Layers); no headset was at hand to run it.
"use strict";

video3d.headset = (() => {
    const { t, element, button } = video3d;
    const DISTANCE = 2.5;  // metres
    const WIDTH = 2.4;     // metres: about 51 degrees at that distance
    const LAYOUTS = { "full-sbs": "stereo-left-right", "half-sbs": "stereo-left-right", "full-tab": "stereo-top-bottom", "half-tab": "stereo-top-bottom" };

    async function offer(line, video, eyes, job) {
        const layout = LAYOUTS[job().settings.layout];
        if (!layout || !window.isSecureContext || !navigator.xr || !window.XRMediaBinding) return;
        if (!await navigator.xr.isSessionSupported("immersive-vr")) return;
        line.prepend(button(t("Watch in the headset"), () => enter(video, layout, job().settings.swap_eyes, line), { className: "video3d-small" }));
    }

    async function enter(video, layout, isSwapped, line) {
        try {
            const session = await navigator.xr.requestSession("immersive-vr", { requiredFeatures: ["layers", "local"] });
            const space = await session.requestReferenceSpace("local");
            const isHalf = { "stereo-left-right": [2, 1], "stereo-top-bottom": [1, 2] }[layout];
            const shape = (video.videoWidth / isHalf[0]) / (video.videoHeight / isHalf[1]);
            const layer = new XRMediaBinding(session).createQuadLayer(video, {
                space, layout, invertStereo: Boolean(isSwapped), width: WIDTH / 2, height: WIDTH / 2 / shape,
                transform: new XRRigidTransform({ x: 0, y: 0, z: -DISTANCE }),
            });
            session.updateRenderState({ layers: [layer] });
            session.addEventListener("select", () => (video.paused ? video.play() : video.pause()));
            await video.play();
        } catch (problem) {
            line.append(element("span", { className: "video3d-subtle" }, t("The headset said no: {0}", problem.message)));
        }
    }

    return { offer };
})();
