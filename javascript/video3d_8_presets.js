// Settings under a name: kept by the program, shared as JSON files, and read back from files that it made.
"use strict";

(() => {
    const { t, element, button, routes, settings } = video3d;
    let frame = null, saved = [];

    async function refresh(chosen) {
        try {
            saved = (await routes.presets()).saved;
        } catch {
            saved = [];
        }
        if (frame) draw(chosen);
    }

    function draw(chosen = "", message = "") {
        const list = element("select", { id: "video3d_saved", className: "video3d-text", ariaLabel: t("Saved settings"), onchange: () => use(list.value) },
            element("option", { value: "" }, saved.length ? t("Choose …") : t("None yet")),
            saved.map((preset) => element("option", { value: preset.name, selected: preset.name === chosen }, preset.name)));
        const name = element("input", { type: "text", className: "video3d-text", id: "video3d_preset_name", maxLength: 80, placeholder: t("A name for the settings below"), ariaLabel: t("Name") });
        const wasOpen = frame.querySelector("details")?.open;
        frame.replaceChildren(element("details", { className: "video3d-fold", open: Boolean(wasOpen) },
            element("summary", {}, t("Saved settings")),
            element("div", { className: "video3d-line" }, list, button(t("Delete"), () => list.value && remove(list.value), { className: "video3d-small" })),
            element("div", { className: "video3d-line" }, name, button(t("Save"), () => name.value.trim() && save(name.value.trim()), { className: "video3d-small" })),
            element("div", { className: "video3d-line" },
                button(t("To a file"), share, { className: "video3d-small" }),
                element("label", { className: "video3d-button video3d-small" }, t("From a file"),
                    element("input", { type: "file", className: "video3d-file", id: "video3d_preset_file", accept: ".json,.mp4,.mov,.mkv,application/json,video/*", onchange: (event) => read(event.target.files[0]) })),
                button(t("Defaults"), () => settings.apply({}), { className: "video3d-small" })),
            element("p", { className: "video3d-subtle" }, message || t("A file may be settings that were saved here, or a 3D video that was made here."))));
    }

    function use(name) {
        const preset = saved.find((one) => one.name === name);
        if (preset) settings.apply(preset.values);
    }

    async function save(name) {
        await tell(async () => {
            await routes.savePreset(name, settings.changed());
            await refresh(name);
        });
    }

    async function remove(name) {
        await tell(async () => {
            await routes.deletePreset(name);
            await refresh();
        });
    }

    function share() {
        const text = JSON.stringify(settings.values(), null, 1);
        const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "video3d-settings.json" });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }

    async function read(file) {
        if (!file) return;
        await tell(async () => {
            const isVideo = !/\.json$/i.test(file.name);
            const values = isVideo ? await settingsInside(file) : JSON.parse(await file.text());
            settings.apply(values);
            draw("", t("The settings of {0} are in use.", file.name));
        });
    }

    // A result says how it was made in its header: at one of its ends. It need not be sent anywhere for that.
    async function settingsInside(file) {
        const size = 4 << 20;
        for (const piece of [file.slice(0, size), file.slice(Math.max(0, file.size - size))]) {
            const found = (await piece.text()).match(/\{"video3d":"[^"]*","settings":\{[^{}]*\}\}/);
            if (found) return JSON.parse(found[0]).settings;
        }
        throw { message: t("{0} does not say how it was made.", file.name), remedy: "" };
    }

    async function tell(work) {
        try {
            await work();
        } catch (problem) {
            const words = problem instanceof SyntaxError ? t("This is no file with settings.") : problem.message;
            draw("", [words, problem.remedy].filter(Boolean).join(" "));
        }
    }

    video3d.part("presets", (mounted) => {
        frame = mounted;
        draw();
        refresh();
    });
})();
