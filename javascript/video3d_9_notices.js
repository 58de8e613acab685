// What one should know about the place this runs in: that it was updated and must be started anew, that it is away.
"use strict";

(() => {
    const { t, told, element, on, routes } = video3d;
    const LOOK = 60 * 1000;  // milliseconds
    let shown = [], isOnline = true;

    async function look() {
        try {
            const status = await routes.status();
            shown = status.notices.map(told);
            if (status.version !== video3d.VERSION && !shown.length) shown.push(outdated());
        } catch {
            return;  // the queue tells of that
        }
        draw();
    }

    // An update brings new scripts at once, and the new program only with its next start.
    const outdated = () => t("The program was updated. Please start it again: this page and the program do not fit together.");

    function draw() {
        const place = document.querySelector('[data-video3d="source"]');
        if (!place) return;
        for (const old of document.querySelectorAll(".video3d-banner")) old.remove();
        const words = isOnline ? shown : [t("The program does not answer. Is it still running? This page tries again by itself.")];
        place.before(...words.map((text) => element("p", { className: "video3d-banner", role: "alert" }, text)));
    }

    on("online", (now) => {
        if (now === isOnline) return;
        isOnline = now;
        draw();
        if (now) look();
    });
    on("start", () => {
        look();
        setInterval(() => { if (!document.hidden) look(); }, LOOK);
    });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && video3d.facts) look(); });
})();
