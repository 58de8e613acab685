// The core of the tab: parts that mount into the frames which the page holds, events between them, texts, elements.
// Plain scripts, in the order of their names; each part calls video3d.part(). Nothing runs before the page has frames.
"use strict";

window.video3d = (() => {
    const VERSION = "0.1.0";
    const parts = new Map();
    const listeners = new Map();
    const mounted = new WeakSet();
    let facts = null;

    // ---- texts: English is the key; the webui's dictionary is `window.localization`, the same files stand alone in <meta>
    let dictionary = null;

    function standaloneTranslations() {
        const meta = document.querySelector('meta[name="video3d-translations"]');
        return meta ? JSON.parse(meta.content) : null;
    }

    function loadDictionary() {
        const all = standaloneTranslations();
        if (!all) return window.localization || {};
        const asked = new URLSearchParams(location.search).get("lang");
        for (const language of asked ? [asked] : navigator.languages || []) {
            const wanted = language.slice(0, 2).toLowerCase();
            if (wanted === "en") return {};
            const name = Object.keys(all).find((key) => key.slice(0, 2).toLowerCase() === wanted);
            if (name) {
                document.documentElement.lang = wanted;
                return all[name];
            }
        }
        return {};
    }

    function t(text, ...values) {
        dictionary ??= loadDictionary();
        return filled(dictionary[text] || text, values);
    }

    // What the program tells comes whole, in English: the sentence with the same words around its numbers and names is
    // looked for in the dictionary, then among what the page words in its own way. So that no short word catches
    // everything, it must have some length of its own, unless it is a part of a sentence that was recognised.
    const LEAST_LETTERS = 10;
    let sayings = null, sentences = null;

    function told(text) {
        if (!text) return text;
        dictionary ??= loadDictionary();
        sayings ??= { ...facts?.sayings, ...dictionary };
        sentences ??= Object.keys(sayings).filter((key) => /\{\d\}/.test(key) && /[a-z]/.test(bare(key)))
            .sort((a, b) => bare(b).length - bare(a).length).map((key) => [key, pattern(key), bare(key).length >= LEAST_LETTERS]);
        const parts = text.split(/(?<=\.) (?=\S)/), known = parts.map((part) => sentence(part));
        const said = known.some((part) => part !== null) ? parts.map((part, index) => known[index] ?? part).join(" ") : sentence(text) ?? text;
        return said.replace(/--([a-z]+(?:-[a-z]+)*)/g, (flag, name) => labelOf(name.replaceAll("-", "_")) || flag);
    }

    // The names in it may have words of their own too, as may what stands before a colon and behind it.
    function sentence(text, isPart = false) {
        if (sayings[text]) return sayings[text];
        for (const [key, expression, isLong] of sentences) {
            const found = (isLong || isPart) && expression.exec(text);
            if (found) return filled(sayings[key], found.slice(1).map((part) => sentence(part, true) ?? part));
        }
        const [, before, after, dot] = /^(.*?): (.*?)(\.?)$/s.exec(text) || [];
        const rest = after && (sentence(after + dot, true) ?? (dot && sentence(after, true)?.concat(dot)));
        return rest ? `${sentence(before, true) ?? before}: ${rest}` : null;
    }

    const filled = (text, values) => text.replace(/\{(\d)\}/g, (_, index) => values[index]);
    const bare = (key) => key.replace(/\{\d\}/g, "");
    const pattern = (key) => new RegExp(`^${key.split(/\{\d\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("(.*?)")}$`, "s");

    // A flag of the command line is a control here.
    function labelOf(name) {
        const label = facts?.controls.find((control) => control.name === name)?.label;
        return label && t("“{0}”", t(label).replace(/ \([^)]*\)$/, ""));
    }

    // Stand-alone, the texts that gradio draws are exchanged here, as the webui's own script does it there.
    function translatePage(root) {
        dictionary ??= loadDictionary();
        if (!standaloneTranslations() || !Object.keys(dictionary).length) return;
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const text = node.textContent.trim();
            const translated = text && dictionary[text];
            if (translated && translated !== text) node.textContent = node.textContent.replace(text, translated);
        }
        for (const input of root.querySelectorAll?.("[placeholder]") || []) {
            input.placeholder = dictionary[input.placeholder] || input.placeholder;
        }
    }

    // What a list has chosen stands in a field, where neither looks; gradio writes its own word there again at times.
    function translateChosen() {
        dictionary ??= loadDictionary();
        for (const field of document.querySelectorAll('#video3d_page .secondary-wrap input')) {
            const translated = field !== document.activeElement && dictionary[field.value];
            if (translated && translated !== field.value) field.value = translated;
        }
    }

    // ---- elements
    function element(tag, attributes = {}, ...children) {
        const made = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) {
            if (value === undefined || value === null || value === false) continue;
            if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
            else if (name in made && !["list", "form", "width", "height"].includes(name)) made[name] = value;
            else made.setAttribute(name, value);
        }
        made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
        return made;
    }

    function button(text, onclick, attributes = {}) {
        const { className = "", ...others } = attributes;
        return element("button", { type: "button", onclick, className: `video3d-button ${className}`, ...others }, text);
    }

    // ---- events between parts
    function on(event, listener) {
        if (!listeners.has(event)) listeners.set(event, []);
        listeners.get(event).push(listener);
    }

    function emit(event, value) {
        for (const listener of listeners.get(event) || []) listener(value);
    }

    // ---- parts
    function part(name, mount) {
        parts.set(name, mount);
    }

    function mountAll() {
        const holder = document.querySelector("[data-video3d-facts]");
        if (!holder) return;
        if (!facts) {
            facts = JSON.parse(holder.dataset.video3dFacts);
            emit("start", facts);
        }
        for (const frame of document.querySelectorAll("[data-video3d]")) {
            const mount = parts.get(frame.dataset.video3d);
            if (!mount || mounted.has(frame)) continue;
            mounted.add(frame);
            mount(frame);
        }
    }

    function start() {
        mountAll();
        translatePage(document.body);
        new MutationObserver((changes) => {
            for (const change of changes) {
                for (const node of change.addedNodes) if (node.nodeType === 1) translatePage(node);
            }
        }).observe(document.body, { childList: true, subtree: true });
        setInterval(() => {  // gradio draws late, and may draw a frame again
            mountAll();
            translateChosen();
        }, 500);
    }

    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
    else start();

    return {
        VERSION, t, told, element, button, on, emit, part,
        get facts() { return facts; },
    };
})();
