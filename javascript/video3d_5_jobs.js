// Conversions: the button, the bar, the queue, and what came out of it. The server holds the truth; a reload asks again.
"use strict";

(() => {
    const { t, told, element, button, emit, on, routes, format, settings, sources } = video3d;
    const OVER = ["done", "failed", "cancelled"];
    let progressFrame = null, resultsFrame = null;
    let jobs = [], known = null, timer = 0, problem = null, picture = 0;
    const rows = new Map();

    // ---- asking
    async function poll() {
        clearTimeout(timer);
        try {
            const answer = await routes.jobs();
            const isFirst = known === null;
            known = answer.version;
            take(answer.jobs, isFirst);
            emit("online", true);
        } catch {
            emit("online", false);
        }
        const isBusy = jobs.some((job) => !OVER.includes(job.state) && job.state !== "paused");
        timer = setTimeout(poll, document.hidden ? 5000 : isBusy ? 1000 : 3000);
    }

    function take(found, isFirst) {
        const before = new Map(jobs.map((job) => [job.id, job.state]));
        jobs = found;
        for (const job of jobs) {
            if (!isFirst && job.state === "done" && before.has(job.id) && before.get(job.id) !== "done") video3d.player.finished(job);
        }
        draw();
    }


    const running = () => jobs.find((job) => job.state === "running");
    const waiting = () => jobs.filter((job) => ["waiting", "paused"].includes(job.state));

    // ---- Convert and Stop
    on("convert", async (values) => {
        problem = null;
        const ready = sources.ready;
        if (!ready.length) {
            problem = { message: sources.pending.length ? t("The video is still on its way.") : t("There is no video yet."),
                remedy: sources.pending.length ? t("Press Convert again when it is here.") : t("Drop one into the field on the left.") };
            draw();
            return;
        }
        for (const source of ready) {
            try {
                const job = await routes.submit(source.reference, values);
                source.jobs = [...(source.jobs || []), job.id];
            } catch (failure) {
                problem = failure;
            }
        }
        poll();
    });

    // An upload must stay as long as a job that is not over reads it.
    video3d.isNeeded = (source) => jobs.some((job) => !OVER.includes(job.state) && (!source.jobs || source.jobs.includes(job.id)));

    // What is finished stays: a key that was pressed by mistake must not cost hours.
    on("interrupt", async () => {
        const job = running();
        if (job) await act(job, "stop");
    });

    async function act(job, verb, body) {
        try {
            await routes.act(job.id, verb, body);
            problem = null;
        } catch (failure) {
            problem = failure;
        }
        poll();
    }

    // ---- the bar, as the webui draws its own
    function draw() {
        drawButtons();
        drawProgress();
        drawResults();
    }

    function drawButtons() {
        const stop = document.getElementById("video3d_interrupt");
        // The webui's Escape key looks for this very style.
        if (stop) stop.style.display = running() ? "block" : "none";
    }

    function drawProgress() {
        if (!progressFrame) return;
        const job = running();
        if (!job) {
            progressFrame.replaceChildren(...(problem ? [sources.problemBox(problem)] : []));
            return;
        }
        if (progressFrame.dataset.job !== job.id || !progressFrame.querySelector(".progressDiv")) {
            progressFrame.dataset.job = job.id;
            progressFrame.replaceChildren(
                element("div", { className: "progressDiv video3d-progress", role: "progressbar", ariaLabel: t("Progress") }, element("div", { className: "progress" })),
                element("p", { className: "video3d-progress-text", ariaLive: "off" }),
                element("img", { className: "video3d-live", alt: t("The frame that was made last"), hidden: true }),
                element("div", { className: "video3d-line" },
                    button(t("Watch what is finished"), () => video3d.player.open(running() || job), { className: "video3d-small", id: "video3d_watch", hidden: true })));
            picture = 0;
        }
        const share = job.progress?.total ? job.progress.done / job.progress.total : 0;
        const fill = progressFrame.querySelector(".progress");
        fill.style.width = `${100 * share}%`;
        fill.textContent = share >= 0.06 ? `${Math.floor(100 * share)}%` : "";
        progressFrame.querySelector(".progressDiv").setAttribute("aria-valuenow", String(Math.round(100 * share)));
        progressFrame.querySelector(".video3d-progress-text").replaceChildren(
            element("strong", {}, job.name), " ", progressWords(job));
        progressFrame.querySelector("#video3d_watch").hidden = !(job.progress?.stage === "convert" && job.progress.done > 0);
        live(job);
    }

    function progressWords(job) {
        const progress = job.progress;
        if (job.asked) return t("is being stopped …");
        if (!progress || progress.stage === "plan") return t("is being looked through …");
        if (progress.stage === "prepare") return t("prepares for this processor, once …");
        if (progress.stage === "join") return t("is being put together …");
        const words = [progress.total ? t("frame {0} of {1}", progress.done, progress.total) : t("frame {0}", progress.done)];
        if (progress.frames_per_second > 0) words.push(t("{0} frames/s", format.number(progress.frames_per_second)));
        if (progress.seconds_left) words.push(t("{0} left", format.clock(progress.seconds_left)));
        return words.join(" · ");
    }

    function live(job) {
        if (!job.progress || job.progress.done === picture) return;
        picture = job.progress.done;
        const image = progressFrame.querySelector(".video3d-live");
        const next = new Image();
        next.onload = () => {
            image.src = next.src;
            image.hidden = false;
        };
        next.src = routes.livePicture(job.id, picture);
    }

    // ---- the queue and the history
    function drawResults() {
        if (!resultsFrame) return;
        const queue = waiting().sort((a, b) => b.priority - a.priority || a.created - b.created);
        const past = jobs.filter((job) => OVER.includes(job.state)).sort((a, b) => (b.finished || b.created) - (a.finished || a.created));
        fill(resultsFrame.querySelector(".video3d-queue"), queue, t("Waiting"));
        fill(resultsFrame.querySelector(".video3d-history"), past, t("Results"));
        const ids = new Set(jobs.map((job) => job.id));
        for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
    }

    function fill(section, shown, title) {
        section.hidden = !shown.length;
        section.querySelector("h3").textContent = title;
        const list = section.querySelector("ul");
        const wanted = shown.map(rowOf);
        const isSame = wanted.length === list.children.length && wanted.every((row, index) => list.children[index] === row);
        if (!isSame) list.replaceChildren(...wanted);
    }

    // A row is made anew only when its job changed, so that what is open in it stays as it is.
    function rowOf(job) {
        const sign = `${job.state} ${job.asked} ${job.priority}`;
        const kept = rows.get(job.id);
        if (kept?.sign === sign) return kept.row;
        const row = element("li", { className: `video3d-job video3d-${job.state}`, "data-job": job.id, "data-state": job.state },
            element("div", { className: "video3d-job-head" },
                element("span", { className: "video3d-name", title: job.result_name }, job.state === "done" ? job.result_name : job.name),
                element("span", { className: "video3d-subtle" }, stateWords(job))),
            job.error ? sources.problemBox(job.error) : null,
            element("div", { className: "video3d-line" }, actions(job)), notes(job));
        rows.set(job.id, { row, sign });
        return row;
    }

    // What could not be kept, and what was decided, in the program's own sentences.
    function notes(job) {
        if (!OVER.includes(job.state) || !job.notices.length) return null;
        return element("details", { className: "video3d-fold video3d-notes" }, element("summary", {}, t("Notes ({0})", job.notices.length)),
            job.notices.map((notice) => element("p", { className: "video3d-subtle" }, told(notice))));
    }

    function stateWords(job) {
        if (job.state === "done") return t("{0} · took {1}", format.date(job.finished), format.clock(job.finished - job.started));
        return { waiting: t("waiting"), paused: t("stopped; what is finished is kept"), failed: t("failed"), cancelled: t("cancelled") }[job.state] || "";
    }

    function actions(job) {
        const quiet = { className: "video3d-small" };
        if (job.state === "waiting") {
            return [button(t("First"), () => act(job, "priority", { priority: 1 + Math.max(...jobs.map((one) => one.priority)) }), quiet),
                button(t("Pause"), () => act(job, "pause"), quiet), button(t("Cancel"), () => act(job, "cancel"), quiet)];
        }
        if (job.state === "paused") return [button(t("Go on"), () => act(job, "resume"), quiet), button(t("Cancel"), () => act(job, "cancel"), quiet)];
        if (job.state !== "done") {
            return [button(t("Try again"), () => act(job, "retry"), quiet), button(t("Remove"), () => act(job, "delete"), quiet),
                job.state === "failed" ? element("a", { className: "video3d-button video3d-small", href: routes.evidence(job.id), title: t("What happened, without names or folders") }, t("For a bug report")) : null];
        }
        const buttons = [
            button(t("Play"), () => video3d.player.open(job), { className: "video3d-small video3d-play" }),
            element("a", { className: "video3d-button video3d-small video3d-download", href: routes.download(job.id), download: job.result_name }, t("Download")),
        ];
        if (video3d.facts.allowOpenFolder) buttons.push(button(t("Open folder"), () => act(job, "folder"), quiet));
        buttons.push(button(t("Comfort"), () => video3d.player.report(job), quiet));
        buttons.push(button(t("Use these settings"), () => settings.apply(job.settings), quiet));
        buttons.push(button(t("Remove"), () => act(job, "delete"), { className: "video3d-small video3d-quiet", title: t("Forgets it; the file stays") }));
        return buttons;
    }

    video3d.part("progress", (frame) => {
        progressFrame = frame;
        draw();
    });

    video3d.part("results", (frame) => {
        resultsFrame = frame;
        const section = (name) => element("section", { className: `video3d-${name}`, hidden: true }, element("h3", {}), element("ul", { className: "video3d-jobs" }));
        // The webui's Alt+Enter presses a button of this name, and fails where there is none.
        const skip = element("button", { type: "button", id: "video3d_skip", hidden: true, onclick: () => emit("interrupt") });
        frame.replaceChildren(skip, section("queue"), element("section", { className: "video3d-player", id: "video3d_player", hidden: true }), section("history"));
        rows.clear();
        poll();
    });

    document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
})();
