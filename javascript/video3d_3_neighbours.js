// The webui's other tabs: pictures of ours go to img2img and Extras, videos of theirs come here.
"use strict";

video3d.neighbours = (() => {
    const { t, element, button } = video3d;
    const PATIENCE = 3000;  // milliseconds
    // Removes the picture that is there already: gradio 3 and 4 say so in different words.
    const CLEAR = '[aria-label="Clear"], [aria-label="Remove Image"], .modify-upload button + button, .touch-none + div button + button';
    const tabs = () => [
        ["img2img_image", "switch_to_img2img", t("Send to img2img")],
        ["extras_image", "switch_to_extras", t("Send to Extras")],
    ].filter(([id]) => document.getElementById(id));

    // `picture` gives {picture, name}, when somebody wants it.
    function offer(line, picture) {
        if (!line || !video3d.facts.sendToImages) return;
        if (!line.querySelector(".video3d-send")) line.append(...tabs().map(([id, show, words]) => {
            const made = button(words, () => send(made, id, show, picture), { className: "video3d-small video3d-send", "data-to": id });
            return made;
        }));
        line.hidden = !line.children.length;
    }

    async function send(pressed, id, show, picture) {
        pressed.disabled = true;
        try {
            const made = await picture();
            const files = new DataTransfer();
            files.items.add(new File([made.picture], made.name, { type: "image/png" }));
            const field = await fieldOf(document.getElementById(id));
            field.files = files.files;
            field.dispatchEvent(new Event("change", { bubbles: true }));
            window[show]?.();
        } catch (problem) {
            pressed.title = problem.message;
            pressed.after(element("span", { className: "video3d-subtle", role: "alert" }, problem.message));
        } finally {
            pressed.disabled = false;
        }
    }

    async function fieldOf(holder) {
        const find = () => holder.querySelector('input[type="file"]');
        if (!find()) holder.querySelector(CLEAR)?.click();
        for (const end = Date.now() + PATIENCE; !find(); await new Promise((wake) => setTimeout(wake, 50))) {
            if (Date.now() > end) throw { message: t("The other tab does not take a picture now.") };
        }
        return find();
    }

    // ---- videos that other tabs show: gradio serves them by their path
    function videos() {
        const found = new Map();
        for (const video of document.querySelectorAll("video")) {
            const address = video.currentSrc || video.src || video.querySelector("source")?.src || "";
            if (!video.closest("#video3d_page") && /^https?:/.test(address)) found.set(address, { address, name: nameOf(address), path: pathOf(address) });
        }
        return [...found.values()];
    }

    const pathOf = (address) => decodeURIComponent(/[/?&]file=([^?#]+)/.exec(address)?.[1] || "");
    const nameOf = (address) => decodeURIComponent(new URL(address).pathname).split(/[/\\=]/).pop();

    return { offer, videos };
})();
