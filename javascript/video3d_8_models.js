// Below the choice of a depth model: what it is, and where it must be fetched first, the button for that.
"use strict";

video3d.models = (() => {
    const { t, element, button, on, routes, format, settings, sources } = video3d;
    const DOWNLOAD = "to download", QUICK = "builtin";
    let frame = null, models = [], timer = 0, drawn = "", problem = null;

    // Best first, as the server lists them. While something is on its way they are asked for again.
    async function take(ask) {
        clearTimeout(timer);
        try {
            const before = models.filter((model) => model.download).map((model) => model.id);
            models = await ask();
            problem = null;
            if (before.some((id) => models.find((model) => model.id === id)?.availability === "on disk")) video3d.emit("models");
        } catch (failure) {
            problem = failure;
        }
        draw();
        if (models.some((model) => model.download)) timer = setTimeout(() => take(routes.models), 1000);
    }

    const asked = () => settings.values().depth_model;
    const taken = () => models.find((model) => model.id === asked()) || models.find((model) => model.chosen);

    // A better network than the one that is taken by itself, which may be used for anything.
    function better(model) {
        if (asked() !== "auto" || !model) return null;
        const above = models.slice(0, models.indexOf(model));
        return above.find((one) => one.download) || above.find((one) => one.availability === DOWNLOAD && !one.non_commercial && !one.needs);
    }

    function draw() {
        if (!frame) return;
        const model = taken();
        const sign = JSON.stringify([asked(), models, problem]);
        if (sign === drawn) return;
        drawn = sign;
        frame.replaceChildren(...(model ? rows(model) : []), ...(problem ? [sources.problemBox(problem)] : []));
    }

    function rows(model) {
        const next = better(model);
        const made = [asked() === "auto" ? element("p", { className: "video3d-subtle" }, t("Uses {0}.", t(model.label))) : null, ...about(model), ...patience(model)];
        if (next) made.push(element("p", { className: "video3d-subtle" }, next.slow ? t("{0} sees depth better, but is slow here: no graphics card can do its work.", next.label) : t("{0} sees depth better.", next.label)), ...about(next));
        else if (asked() === "auto" && models[0]?.needs && model.id === "builtin") made.push(element("p", { className: "video3d-subtle" }, t("Networks see depth better. They need {0}: end the program, and start it once with “setup --with {0}”.", models[0].needs)));
        return made.filter(Boolean);
    }

    // What to expect of a network on a processor, before the first preview is waited for; and the way out of it.
    function patience(model) {
        if (model !== slow()) return [];
        return [
            element("p", { className: "video3d-subtle", id: "video3d_slow" }, t("Slow here: no graphics card can do its work. The first preview may take more than a minute, and a conversion many times longer than the video.")),
            quickButton({ id: "video3d_quick_model" }),
        ];
    }

    const quick = () => models.find((one) => one.id === QUICK);

    // The network that is taken, where a processor must do its work and something quicker is there.
    function slow() {
        const model = taken();
        return model?.slow && quick() && model.availability !== DOWNLOAD ? model : null;
    }

    function quickButton(attributes) {
        return button(t("Use {0} instead: quick, but less exact", t(quick().label)), () => settings.change({ depth_model: QUICK }), { className: "video3d-small", ...attributes });
    }

    function about(model) {
        if (model.download) return [progress(model)];
        const made = [];
        if (model.non_commercial) made.push(element("p", { className: "video3d-subtle" }, t("Not for commercial use: licence {0}.", model.licence)));
        if (model.needs) made.push(element("p", { className: "video3d-subtle" }, t("Needs {0}: end the program, and start it once with “setup --with {0}”.", model.needs)));
        if (model.error) made.push(sources.problemBox(model.error));
        if (model.availability === DOWNLOAD) {
            made.push(button(t("Download it ({0})", format.bytes(model.bytes)), () => take(() => routes.fetchModel(model.id)),
                { className: "video3d-small", id: "video3d_download", title: t("Licence: {0}", model.licence) }));
        }
        return made;
    }

    function progress(model) {
        const { done, total } = model.download;
        return element("div", {},
            element("div", { className: "video3d-bar", role: "progressbar", ariaLabel: t("Download") }, element("div", { className: "video3d-bar-fill", style: `width: ${100 * done / (total || model.bytes || 1)}%` })),
            element("div", { className: "video3d-line" },
                element("span", { className: "video3d-subtle" }, t("{0} of {1}", format.bytes(done), format.bytes(total || model.bytes))),
                button(t("Stop the download"), () => take(() => routes.stopModel(model.id)), { className: "video3d-small" })));
    }

    on("settings", draw);
    on("models", () => video3d.preview.refresh(0));

    video3d.part("models", (mounted) => {
        frame = mounted;
        drawn = "";
        take(routes.models);
    });

    return { slow, quickButton };
})();
