// The shots as a strip, each as wide as it is long, and what is set for one of them. The server keeps the list: it
// counts for the preview at once, and for every conversion of this video from then on.
"use strict";

video3d.shots = (() => {
    const { t, element, button, on, emit, routes, format, settings } = video3d;
    const VALUES = ["strength", "convergence"];
    const SMALLEST_PICTURE = 0.04;  // of the strip's width
    const ROUNDING = 0.0005;        // seconds
    let holder = null, source = null, moment = 0, isOpen = false, isSaving = false, problem = "", shown = "";

    const list = () => source?.shots?.shots || [];
    const indexAt = (seconds) => Math.max(0, list().findLastIndex((shot) => shot.start <= seconds + ROUNDING));
    const isSet = (value) => typeof value === "number";

    function mount(mounted) {
        holder = mounted;
        shown = "";
        draw();
    }

    function show(chosen, seconds) {
        const before = indexAt(moment);
        if (source !== chosen) problem = "";
        source = chosen;
        moment = seconds;
        draw(before !== indexAt(moment));
    }

    // ---- drawing
    function draw(isOtherShot = false) {
        if (!holder) return;
        const shots = list();
        holder.hidden = !shots.length;
        const sign = JSON.stringify([source?.name, shots, source?.shots?.complete]);
        if (sign !== shown) {
            shown = sign;
            holder.replaceChildren(line(shots), element("div", { className: "video3d-shot-form", id: "video3d_shot_form", hidden: true }));
            isOtherShot = true;
        }
        const here = indexAt(moment);
        for (const each of holder.querySelectorAll("[data-shot]")) each.setAttribute("aria-pressed", String(Number(each.dataset.shot) === here));
        if (isOtherShot) drawForm();
    }

    function line(shots) {
        const length = shots.at(-1)?.end || 1;
        const strip = element("div", { className: "video3d-shots", id: "video3d_shots", role: "group", ariaLabel: t("Shots") },
            shots.map((shot, index) => bar(shot, index, length)));
        const edit = button(t("Adjust shot"), () => { isOpen = !isOpen; drawForm(); }, { className: "video3d-small", id: "video3d_shot_edit", hidden: !source?.shots?.complete });
        return element("div", { className: "video3d-shot-line" }, strip, edit);
    }

    function bar(shot, index, length) {
        const span = Math.max(0, shot.end - shot.start);
        const picture = shot.thumbnail && span / length >= SMALLEST_PICTURE ? `background-image: url("${routes.address(shot.thumbnail)}");` : "";
        return button("", () => video3d.preview.go(shot.start + span * 0.3), {
            "data-shot": index, style: `flex-grow: ${Math.max(0.05, span)}; ${picture}`,
            className: VALUES.some((name) => isSet(shot[name])) ? "video3d-edited" : "",
            title: t("Shot {0}: {1} to {2}", index + 1, format.moment(shot.start), format.moment(shot.end)),
            ariaLabel: t("Shot {0}", index + 1),
        });
    }

    function drawForm() {
        const form = document.getElementById("video3d_shot_form");
        if (!form) return;
        const shots = list(), index = indexAt(moment), shot = shots[index];
        form.hidden = !(isOpen && shot && source.shots.complete);
        document.getElementById("video3d_shot_edit")?.setAttribute("aria-expanded", String(!form.hidden));
        if (form.hidden) return;
        const small = { className: "video3d-small" };
        form.replaceChildren(
            element("div", { className: "video3d-card-head" },
                element("strong", {}, t("Shot {0} of {1}: {2} to {3}", index + 1, shots.length, format.moment(shot.start), format.moment(shot.end))),
                button("×", () => { isOpen = false; drawForm(); }, { className: "video3d-quiet", title: t("Close"), ariaLabel: t("Close") })),
            row(shot, index, "strength", t("Own strength")), row(shot, index, "convergence", t("Own screen plane")),
            element("div", { className: "video3d-line" },
                button(t("Split here"), () => edit({ action: "split", at: moment }), small),
                index > 0 ? button(t("Join with the shot before"), () => edit({ action: "merge", shot: index }), small) : null,
                source.shots.edited ? button(t("All shots as they were found"), forget, small) : null),
            element("p", { className: "video3d-subtle", role: "status" }, problem || t("What is set here counts for this shot alone, in place of the settings on the left.")));
    }

    // A tick box, and the slider that it sets free.
    function row(shot, index, name, words) {
        const control = video3d.facts.controls.find((one) => one.name === name);
        const own = isSet(shot[name]);
        const general = settings.values()[name];
        const value = own ? shot[name] : isSet(general) ? general : control.shown;
        const output = element("output", { className: "video3d-shot-value" }, own ? format.number(value, 2) : "");
        const slider = element("input", { type: "range", min: control.minimum, max: control.maximum, step: control.step, value, disabled: !own, ariaLabel: words, id: `video3d_shot_${name}` });
        slider.addEventListener("input", () => { output.textContent = format.number(slider.value, 2); });
        slider.addEventListener("change", () => save(shot, index, name, Number(slider.value)));
        const box = element("input", { type: "checkbox", checked: own, id: `video3d_shot_own_${name}` });
        box.addEventListener("change", () => save(shot, index, name, box.checked ? Number(slider.value) : "auto"));
        return element("div", { className: "video3d-shot-row" }, element("label", {}, box, element("span", {}, words)), slider, output);
    }

    // ---- changing
    const save = (shot, index, name, value) => edit({ action: "set", shot: index, strength: shot.strength, convergence: shot.convergence, [name]: value });
    const edit = (change) => replaceList(() => routes.editShots(source.reference, change));
    const forget = () => replaceList(() => routes.forgetShots(source.reference));

    async function replaceList(ask) {
        if (isSaving) return;
        isSaving = true;
        const mine = source;
        try {
            mine.shots = await ask();
            problem = "";
        } catch (failure) {
            problem = [failure.message, failure.remedy].filter(Boolean).join(" ");
            mine.shots = await routes.shots(mine.reference).catch(() => mine.shots);
        } finally {
            isSaving = false;
        }
        if (mine !== source) return;
        emit("shots", mine);
        drawForm();
        video3d.preview.refresh(0);
    }

    on("shots", (chosen) => { if (chosen === source) draw(); });
    on("settings", drawForm);

    return { mount, show };
})();
