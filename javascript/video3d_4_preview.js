// One moment of the video as it will look: five views, a scrubber, and the shots below it.
"use strict";

video3d.preview = (() => {
    const { t, element, button, on, routes, format, settings } = video3d;
    const PATIENCE = 5, LONG = 75;  // seconds until it is said that one must wait, and that it takes longer than usual
    let frame = null, source = null, moment = 0, view = "left-right", request = null, waiting = 0, address = null;

    function views() {
        return [
            ["original", t("Original")], ["depth", t("Depth")], ["left-right", t("Left and right")],
            ["anaglyph", t("Red-cyan")], ["wiggle", t("Wiggle")],
        ];
    }

    const seconds = () => Number(source?.facts.duration || 0);

    function mount(mounted) {
        frame = mounted;
        const tabs = views().map(([name, words]) => button(words, () => show(name), { className: "video3d-tab", "data-view": name, "aria-pressed": String(name === view) }));
        frame.replaceChildren(
            element("div", { className: "video3d-tabs", role: "group", ariaLabel: t("What the preview shows") }, tabs),
            element("div", { className: "video3d-stage" },
                element("img", { className: "video3d-picture", id: "video3d_picture", alt: t("Preview"), hidden: true }),
                element("p", { className: "video3d-empty" }, t("A preview appears here as soon as there is a video.")),
                element("div", { className: "video3d-busy", hidden: true }, element("span", { className: "video3d-spinner" }))),
            element("div", { className: "video3d-scrub", hidden: true },
                element("input", { type: "range", id: "video3d_moment", min: 0, max: 1, step: "any", value: 0, ariaLabel: t("Moment of the preview"), oninput: scrub }),
                element("output", { className: "video3d-clock" }, "0:00.0")),
            element("div", { className: "video3d-shot-holder", hidden: true }),
            element("div", { className: "video3d-line video3d-sending", hidden: true }));
        video3d.shots.mount(find(".video3d-shot-holder"));
        if (source) begin();
    }

    const find = (selector) => frame?.querySelector(selector);

    function show(name) {
        view = name;
        for (const tab of frame.querySelectorAll(".video3d-tab")) tab.setAttribute("aria-pressed", String(tab.dataset.view === view));
        refresh(0);
    }

    function scrub(event) {
        moment = Number(event.target.value);
        drawMoment();
        refresh(250);
    }

    function go(to) {
        moment = Math.max(0, Math.min(to, Math.max(0, seconds() - 0.05)));
        if (find("#video3d_moment")) find("#video3d_moment").value = moment;
        drawMoment();
        refresh(0);
    }

    function drawMoment() {
        if (find(".video3d-clock")) find(".video3d-clock").textContent = format.moment(moment);
        video3d.shots.show(source, moment);
    }

    function begin() {
        const slider = find("#video3d_moment");
        if (!slider) return;
        slider.max = Math.max(0.1, seconds());
        find(".video3d-scrub").hidden = false;
        find(".video3d-empty").textContent = t("The preview is being made …");
        go(moment || seconds() * 0.2);
    }

    function clear() {
        request?.abort();
        if (!frame) return;
        find(".video3d-picture").hidden = true;
        find(".video3d-empty").hidden = false;
        find(".video3d-empty").textContent = t("A preview appears here as soon as there is a video.");
        find(".video3d-scrub").hidden = true;
        find(".video3d-sending").hidden = true;
        find(".video3d-busy").hidden = true;
        video3d.shots.show(null, 0);
    }

    function refresh(delay) {
        clearTimeout(waiting);
        if (source && frame) waiting = setTimeout(load, delay);
    }

    // The newest wish wins: an older request is given up.
    async function load() {
        request?.abort();
        const mine = request = new AbortController();
        const busy = find(".video3d-busy");
        const slow = setTimeout(() => { busy.hidden = false; }, 200);
        const began = Date.now(), first = setInterval(() => wait((Date.now() - began) / 1000), 1000);
        try {
            const picture = await routes.preview(source.reference, settings.values(), moment, view, mine.signal);
            if (mine.signal.aborted) return;
            display(picture);
        } catch (problem) {
            if (mine.signal.aborted) return;
            clearPicture([problem.message, problem.remedy].filter(Boolean).join(" "));
        } finally {
            clearTimeout(slow);
            clearInterval(first);
            if (request === mine) busy.hidden = true;
        }
    }

    // What is shown, as large as it gets: for other tabs.
    async function whole() {
        const { name } = source, still = view === "wiggle" ? "left-right" : view;
        const picture = await routes.preview(source.reference, settings.values(), moment, still, undefined, { format: "png", largest_side: 8192 });
        return { picture, name: `${name.replace(/\.[^.]*$/, "")}_${format.moment(moment).replace(/[:.]/g, "-")}_${still}.png` };
    }

    function display(picture) {
        if (address) URL.revokeObjectURL(address);
        address = URL.createObjectURL(picture);
        const image = find(".video3d-picture");
        image.src = address;
        image.dataset.view = view;
        image.hidden = false;
        find(".video3d-empty").hidden = true;
        video3d.neighbours?.offer(find(".video3d-sending"), whole);
    }

    function clearPicture(...words) {
        find(".video3d-picture").hidden = true;
        const empty = find(".video3d-empty");
        empty.replaceChildren(...words);
        empty.hidden = false;
    }

    // Nothing was ever shown, and it takes its time: how long so far, why, and what can be done.
    function wait(elapsed) {
        if (elapsed < PATIENCE || !find(".video3d-picture").hidden) return;
        const slow = video3d.models.slow();
        let words = t("One moment: the first time takes about a minute.");
        if (slow) words = t("{0} works without a graphics card here: its first picture may take more than a minute.", slow.label);
        if (elapsed > LONG) words = t("Still at work: it takes longer where other programs keep this machine busy.");
        const clock = element("span", { className: "video3d-waited" }, format.clock(elapsed));
        const known = find(".video3d-empty [data-says]");
        if (known?.dataset.says === words) known.nextSibling.replaceWith(clock);
        else clearPicture(element("span", { "data-says": words }, words), clock, slow ? video3d.models.quickButton() : "");
    }

    on("source", (chosen) => {
        const isNew = chosen?.reference !== source?.reference;
        source = chosen;
        if (isNew) moment = 0;
        if (source) begin();
        else clear();
    });
    on("settings", () => refresh(300));

    video3d.part("preview", mount);
    return { go, refresh, get moment() { return moment; }, get source() { return source; }, get address() { return address; } };
})();
