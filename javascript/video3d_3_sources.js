// The video: dropped, chosen, or named by a path; then a card that says what it is. Several at once form a list.
"use strict";

video3d.sources = (() => {
    const { t, told, element, button, emit, on, routes, format } = video3d;
    const MEMORY = "video3d-source";
    const list = [];      // {name, size, state: waiting|uploading|ready|failed, sent, reference, facts, shots, problem}
    let current = null;
    let frame = null;

    // ---- taking videos
    function addFiles(files) {
        const added = [...files].map((file) => ({ name: file.name, size: file.size, file, state: "waiting", sent: 0 }));
        if (!added.length) return;
        list.push(...added);
        select(added[0]);
        pump();
    }

    function addPath(path) {
        const source = { name: path.split(/[/\\]/).pop(), state: "ready", reference: { path } };
        list.push(source);
        select(source);
        look(source);
    }

    async function pump() {
        if (list.some((source) => source.state === "uploading")) return;
        const source = list.find((one) => one.state === "waiting");
        if (!source) return;
        source.state = "uploading";
        source.abort = new AbortController();
        source.began = Date.now();
        draw();
        try {
            source.reference = await routes.upload(source.file, (sent) => {
                source.sent = sent;
                drawUpload(source);
            }, source.abort.signal);
            source.state = "ready";
            source.file = null;
            if (source === current) remember();
            look(source);
        } catch (problem) {
            if (list.includes(source)) fail(source, problem);
        }
        pump();
    }

    async function look(source) {
        draw();
        try {
            source.facts = await routes.describe(source.reference);
            draw();
            if (source === current) emit("source", source);
        } catch (problem) {
            fail(source, problem);
            return;
        }
        findShots(source);
    }

    // The search runs on the server; what it has found so far is asked for until it is through.
    async function findShots(source) {
        while (list.includes(source) && source === current && !source.shots?.complete) {
            try {
                source.shots = await routes.shots(source.reference);
            } catch {
                return;  // the card does without
            }
            if (source === current) emit("shots", source);
            if (!source.shots.complete) await new Promise((wake) => setTimeout(wake, 1000));
        }
    }

    function fail(source, problem) {
        source.state = "failed";
        source.problem = problem;
        draw();
    }

    function select(source) {
        current = source;
        remember();
        draw();
        emit("source", source?.facts ? source : null);
        if (source?.shots) emit("shots", source);
        if (source?.facts) findShots(source);
    }

    function remove(source) {
        source.abort?.abort();
        if (source.reference?.upload && !video3d.isNeeded?.(source)) routes.forget(source.reference.upload);
        list.splice(list.indexOf(source), 1);
        if (source === current) select(list[0] || null);
        else draw();
        pump();
    }

    // ---- a reload loses nothing: the upload stays on the server
    function remember() {
        try {
            if (current?.reference) localStorage.setItem(MEMORY, JSON.stringify({ name: current.name, reference: current.reference }));
            else if (!current) localStorage.removeItem(MEMORY);
        } catch {
            // private windows may refuse
        }
    }

    async function recall() {
        let kept = null;
        try {
            kept = JSON.parse(localStorage.getItem(MEMORY));
        } catch {
            return;
        }
        if (!kept?.reference || list.length) return;
        try {
            const facts = await routes.describe(kept.reference);
            if (list.length) return;
            const source = { name: kept.name, state: "ready", reference: kept.reference, facts };
            list.push(source);
            select(source);
            findShots(source);
        } catch {
            localStorage.removeItem(MEMORY);  // it was deleted meanwhile
        }
    }

    // ---- drawing
    function draw() {
        if (!frame) return;
        if (!current) {
            frame.replaceChildren(dropZone());
            offerOthers();
            return;
        }
        const others = list.length > 1 ? element("ul", { className: "video3d-sources" }, list.map(row)) : null;
        frame.replaceChildren(...[card(current), others].filter(Boolean));
        estimate();
    }

    function chooser() {
        return element("input", {
            type: "file", multiple: true, accept: "video/*,.mkv,.ts,.m2ts,.mts,.vob,.wmv,.flv,.mxf,.rm,.rmvb,.divx,.gif",
            id: "video3d_file", className: "video3d-file", onchange: (event) => addFiles(event.target.files),
        });
    }

    // Two frames side by side, one shifted: a stereo pair.
    function icon() {
        const holder = element("span", { className: "video3d-drop-icon" });
        holder.innerHTML = '<svg viewBox="0 0 52 30" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true">'
            + '<rect x="1" y="5" width="30" height="20" rx="3" opacity="0.55"/><rect x="21" y="5" width="30" height="20" rx="3"/><path d="M33 10.5v9l7-4.5z" fill="currentColor"/></svg>';
        return holder;
    }

    function dropZone() {
        const zone = element("label", { className: "video3d-drop", htmlFor: "video3d_file", tabIndex: 0 },
            icon(),
            element("strong", {}, t("Drop a video here")),
            element("span", {}, t("or click to choose one. Any size, almost any format.")),
            chooser());
        zone.addEventListener("keydown", (event) => {
            if (event.key === "Enter" || event.key === " ") zone.click();
        });
        return element("div", {}, zone, video3d.facts.allowPaths ? pathField() : null, element("div", { className: "video3d-line", id: "video3d_from_tabs", hidden: true }));
    }

    // Videos that the webui's other tabs show at the moment.
    function offerOthers() {
        const line = document.getElementById("video3d_from_tabs");
        if (!line) return;
        const found = video3d.neighbours.videos();
        line.hidden = !found.length;
        line.replaceChildren(element("span", { className: "video3d-subtle" }, t("From another tab:")),
            ...found.map((one) => button(one.name, () => addOther(one), { className: "video3d-small", title: one.path || one.name })));
    }

    // By its path where paths may be named; else it is fetched and uploaded like any other.
    async function addOther({ address, name, path }) {
        if (path && video3d.facts.allowPaths) {
            try {
                await routes.describe({ path });
                addPath(path);
                return;
            } catch {
                // not in a folder that may be named
            }
        }
        try {
            const answer = await fetch(address, { credentials: "same-origin" });
            if (!answer.ok) throw new Error(answer.statusText);
            addFiles([new File([await answer.blob()], name)]);
        } catch {
            const source = { name, state: "ready" };
            list.push(source);
            select(source);
            fail(source, { message: t("{0} cannot be fetched from the other tab.", name), remedy: t("Save it there, and drop it here.") });
        }
    }

    function pathField() {
        const field = element("input", { type: "text", className: "video3d-text", id: "video3d_path",
            placeholder: t("or the path of a video on this computer"), ariaLabel: t("Path of a video") });
        const use = () => field.value.trim() && addPath(field.value.trim());
        field.addEventListener("keydown", (event) => { if (event.key === "Enter") use(); });
        return element("div", { className: "video3d-line" }, field, button(t("Use it"), use));
    }

    function card(source) {
        const head = element("div", { className: "video3d-card-head" },
            element("strong", { className: "video3d-name", title: source.name }, source.name),
            button("×", () => remove(source), { className: "video3d-quiet", title: t("Take another video"), ariaLabel: t("Take another video") }));
        return element("div", { className: "video3d-card", id: "video3d_card" }, head, body(source),
            element("label", { className: "video3d-link" }, t("Add more videos"), chooser()));
    }

    function body(source) {
        if (source.state === "failed") return problemBox(source.problem);
        if (source.state !== "ready") return uploadBox(source);
        if (!source.facts) return element("p", { className: "video3d-subtle" }, t("Looking at it …"));
        return factsBox(source);
    }

    function uploadBox(source) {
        return element("div", { className: "video3d-upload" },
            element("div", { className: "video3d-bar" }, element("div", { className: "video3d-bar-fill" })),
            element("div", { className: "video3d-subtle video3d-upload-text" }, t("Waiting to upload …")));
    }

    function drawUpload(source) {
        if (source !== current) return;
        const fill = frame.querySelector(".video3d-bar-fill"), text = frame.querySelector(".video3d-upload-text");
        if (!fill) return;
        fill.style.width = `${100 * source.sent / Math.max(1, source.size)}%`;
        const rate = source.sent / Math.max(0.5, (Date.now() - source.began) / 1000);
        text.textContent = t("Uploading: {0} of {1}, {2}/s", format.bytes(source.sent), format.bytes(source.size), format.bytes(rate));
    }

    function factsBox(source) {
        const facts = source.facts;
        const rows = [
            [t("Size"), `${facts.width} × ${facts.height}`],
            [t("Length"), facts.duration ? format.clock(facts.duration) : t("unknown")],
            [t("Rate"), facts.frame_rate ? t("{0} frames/s", format.number(facts.frame_rate, 2)) : t("varies")],
            [t("Colour"), colour(facts)],
            [t("Tracks"), tracks(facts)],
            [t("Shots"), element("span", { id: "video3d_shot_count" }, shotWords(source.shots))],
        ];
        return element("div", {},
            element("dl", { className: "video3d-facts" }, rows.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
            element("p", { className: "video3d-estimate", id: "video3d_estimate" }, source.estimate || ""),
            facts.notices.map((notice) => element("p", { className: "video3d-subtle" }, told(notice))));
    }

    function shotWords(shots) {
        if (!shots) return t("searching …");
        const count = shots.shots.length;
        return shots.complete ? String(count) : t("{0} so far", count);
    }

    function colour(facts) {
        const depth = facts.bit_depth > 8 ? t("{0} bit", facts.bit_depth) : "";
        return [facts.hdr ? "HDR" : t("normal"), depth].filter(Boolean).join(", ");
    }

    function tracks(facts) {
        const count = (kind) => facts.tracks.filter((track) => track.kind === kind).length;
        const sound = count("audio"), text = count("subtitle");
        const words = [sound === 1 ? t("sound") : sound && t("{0} × sound", sound), text && t("{0} × subtitles", text)];
        return words.filter(Boolean).join(", ") || t("no sound");
    }

    function row(source) {
        const words = { waiting: t("waiting"), uploading: t("uploading"), ready: t("ready"), failed: t("cannot be used") };
        return element("li", { className: source === current ? "video3d-current" : "" },
            button(source.name, () => select(source), { className: "video3d-quiet video3d-name" }),
            element("span", { className: "video3d-subtle" }, words[source.state]),
            button("×", () => remove(source), { className: "video3d-quiet", ariaLabel: t("Remove") }));
    }

    function problemBox(problem) {
        return element("div", { className: "video3d-problem", role: "alert" },
            element("p", {}, told(problem.message)), problem.remedy ? element("p", {}, told(problem.remedy)) : null);
    }

    // ---- time and size, anew whenever a setting changes
    let estimating = 0;
    function estimate() {
        clearTimeout(estimating);
        const source = current;
        if (!source?.facts) return;
        estimating = setTimeout(async () => {
            try {
                const found = await routes.estimate(source.reference, video3d.settings.values());
                source.estimate = t("Estimated time: {0}. The result: {1} × {2}, about {3}.",
                    format.duration(found.seconds), found.width, found.height, format.bytes(found.bytes));
            } catch (problem) {
                source.estimate = [problem.message, problem.remedy].filter(Boolean).join(" ");
            }
            const text = document.getElementById("video3d_estimate");
            if (text && source === current) text.textContent = source.estimate;
        }, 300);
    }

    on("settings", estimate);
    on("shots", (source) => {
        const words = document.getElementById("video3d_shot_count");
        if (words && source === current) words.textContent = shotWords(source.shots);
    });

    video3d.part("source", (mounted) => {
        frame = mounted;
        for (const kind of ["dragenter", "dragover"]) {
            frame.addEventListener(kind, (event) => {
                event.preventDefault();
                frame.classList.add("video3d-over");
            });
        }
        for (const kind of ["dragleave", "drop"]) frame.addEventListener(kind, () => frame.classList.remove("video3d-over"));
        frame.addEventListener("drop", (event) => {
            event.preventDefault();
            addFiles(event.dataTransfer.files);
        });
        draw();
        new IntersectionObserver(offerOthers).observe(frame);  // the tab is shown again
        if (!list.length) recall();
    });

    return {
        addPath, problemBox,
        get current() { return current; },
        get ready() { return list.filter((source) => source.state === "ready" && source.facts); },
        get pending() { return list.filter((source) => ["waiting", "uploading"].includes(source.state)); },
    };
})();
