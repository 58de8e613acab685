// The settings as the page's controls hold them, both ways, and the functions that gradio's events call.
"use strict";

video3d.settings = (() => {
    const MEMORY = "video3d-settings";
    const SET_BY_DEVICE = ["layout", "container", "codec"];
    const ECHO = 2000;   // milliseconds in which gradio tells of a value that we gave it ourselves
    let slots = [];      // one for each gradio component: {control, automatic, value, drawn, echoes}

    video3d.on("start", (facts) => {
        slots = facts.controls.flatMap((control) => {
            const slot = (automatic, value) => ({ control, automatic, value, drawn: value, echoes: [] });
            const own = slot(false, control.shown);
            return control.automatic ? [own, slot(true, control.default === control.none)] : [own];
        });
        setTimeout(() => apply(recall() || {}), 300);  // gradio must have drawn its controls
    });

    function recall() {
        try {
            return JSON.parse(localStorage.getItem(MEMORY));
        } catch {
            return null;
        }
    }

    function remember() {
        try {
            localStorage.setItem(MEMORY, JSON.stringify(touched()));
        } catch {
            // private windows may refuse; then nothing is remembered
        }
    }

    // ---- from the controls: settings flat and by name, as the routes take them
    function values() {
        const result = {};
        for (const slot of slots) {
            const { control } = slot;
            if (slot.automatic) {
                if (slot.value) result[control.name] = control.none;
            } else {
                result[control.name] = read(control, slot.value);
            }
        }
        return result;
    }

    // What differs from what the page begins with: whatever nobody touched follows the program's and the host's own.
    function touched() {
        const all = values();
        const differs = slots.filter(({ control }) => all[control.name] !== control.first);
        return Object.fromEntries(differs.map(({ control }) => [control.name, all[control.name]]));
    }

    function read(control, value) {
        const isEmpty = value === "" || value === null || value === undefined;
        if (isEmpty) return control.none ?? control.default;
        return control.kind === "number" && value !== control.none ? Number(String(value).replace(",", ".")) : value;
    }

    // Only what differs from the defaults: what presets and shared files hold.
    function changed() {
        const all = values();
        const differs = slots.filter(({ control }) => all[control.name] !== control.default);
        return Object.fromEntries(differs.map(({ control }) => [control.name, all[control.name]]));
    }

    // ---- into the controls; what is not named gets what the page begins with
    function apply(wanted) {
        for (const slot of slots) write(slot, slot.control.name in wanted ? wanted[slot.control.name] : slot.control.first);
        push();
    }

    function change(some) {
        for (const slot of slots) if (slot.control.name in some) write(slot, some[slot.control.name]);
        push();
    }

    function write(slot, value) {
        const isNone = value === slot.control.none || value === null;
        if (slot.automatic) slot.value = isNone;
        // Lists and radios offer the word itself; fields are empty; sliders have a box of their own.
        else if (!isNone || slot.control.offersNone) slot.value = isNone ? slot.control.none : value;
        else if (!slot.control.automatic) slot.value = "";
    }

    function push() {
        for (const slot of slots.filter((one) => one.value !== one.drawn)) {
            slot.echoes.push({ value: slot.value, until: Date.now() + ECHO });
            slot.drawn = slot.value;
        }
        hand();
        for (const slot of slots.filter((one) => one.automatic)) mark(slot);
        tell();
    }

    // A page that is still being drawn does not listen yet: then again, until somebody takes the values.
    let isWaiting = true;
    function hand() {
        isWaiting = true;
        document.getElementById("video3d_apply")?.click();
        setTimeout(() => { if (isWaiting) hand(); }, 200);
    }

    // A slider that the program moves by itself is shown as such.
    function mark(slot) {
        const block = document.getElementById(`video3d_${slot.control.name}`);
        block?.classList.toggle("video3d-muted", Boolean(slot.value));
    }

    let telling = 0;
    function tell() {
        clearTimeout(telling);
        telling = setTimeout(() => {
            telling = 0;
            remember();
            video3d.emit("settings", values());
        }, 250);
    }

    // Lists of gradio 3 hold the words that they show.
    const wordOf = ({ control, value }) => Object.keys(control.words || {}).find((word) => control.words[word] === value) ?? value;
    const valueOf = ({ control }, held) => control.words?.[held] ?? held;

    // ---- what gradio's events call; they return what their outputs take
    video3d.controlChanged = (index, held) => {
        const slot = slots[index], value = slot && valueOf(slot, held);
        if (!slot || isEcho(slot, value) || slot.value === value) return [];
        slot.value = slot.drawn = value;
        if (slot.automatic) mark(slot);
        else release(index);
        followDevice(slot.control.name, value);
        tell();
        return [];
    };

    function isEcho(slot, value) {
        slot.echoes = slot.echoes.filter((echo) => echo.until > Date.now());
        const index = slot.echoes.findIndex((echo) => echo.value === value);
        if (index >= 0) slot.echoes.splice(index, 1);
        return index >= 0;
    }

    // A device brings its layout and kind of file; who changes these has settings of their own.
    function followDevice(name, value) {
        const device = name === "preset" && video3d.facts.devices.find((one) => one.id === value);
        if (device) change({ layout: device.layouts[0], container: device.container, codec: "auto" });
        else if (SET_BY_DEVICE.includes(name)) change({ preset: video3d.facts.ownSettings });
    }

    // Who moves a slider wants its value.
    function release(index) {
        const box = slots[index + 1];
        if (!slots[index].control.automatic || !box?.value) return;
        box.value = false;
        push();
    }

    video3d.valuesToApply = () => {
        isWaiting = false;
        return slots.map(wordOf);
    };

    video3d.convert = (given) => {
        given.forEach((held, index) => { slots[index].value = slots[index].drawn = valueOf(slots[index], held); });
        video3d.emit("convert", values());
        return [];
    };

    video3d.interrupt = () => {
        video3d.emit("interrupt");
        return [];
    };

    return {
        values, changed, apply, change,
        // Whether gradio's controls show what they should, and nothing of it is still to be told to others.
        get isSettled() { return !isWaiting && !telling; },
    };
})();
