// Plays a conversion while it is being made: feeds the finished parts of a growing playlist of fragmented MP4
// (RFC 8216) to a video element through Media Source Extensions. Where a browser has none, its own player follows the
// playlist; otherwise not, because those begin near the end of what is there.
"use strict";

video3d.live = (() => {
    const { t } = video3d;
    const AHEAD = 40, LEAST_AHEAD = 8, BEHIND = 30;  // seconds kept around what is shown
    const LOOK = 3000, TICK = 500;     // milliseconds
    const NATIVE = "application/vnd.apple.mpegurl";
    const EDGE = 0.2;                  // seconds that a part may lack at its ends

    // ---- what the playlist says: every part's place in the stream
    function read(text) {
        const parts = [];
        let map = "", duration = 0, begin = 0;
        for (const line of text.split(/\r?\n/)) {
            if (line.startsWith("#EXT-X-MAP:")) map = /URI="([^"]*)"/.exec(line)[1];
            else if (line.startsWith("#EXTINF:")) duration = Number.parseFloat(line.slice(8));
            else if (line && !line.startsWith("#")) {
                parts.push({ name: line, map, begin, end: begin + duration });
                begin += duration;
            }
        }
        return { parts, length: begin, isComplete: text.includes("#EXT-X-ENDLIST") };
    }

    // ---- what an initialisation segment holds, as RFC 6381 writes it (ISO/IEC 14496-15 for the configuration boxes)
    function codecs(bytes) {
        const text = new TextDecoder("latin1").decode(bytes);
        const hex = (...values) => values.map((value) => value.toString(16).padStart(2, "0")).join("");
        const found = [];
        const avc = text.indexOf("avcC"), hevc = text.indexOf("hvcC"), av1 = text.indexOf("av1C");
        if (avc > 0) found.push(`avc1.${hex(...bytes.slice(avc + 5, avc + 8))}`);
        else if (hevc > 0) found.push(hevcWords(bytes.slice(hevc + 4), text.includes("hvc1") ? "hvc1" : "hev1"));
        else if (av1 > 0) found.push(av1Words(bytes.slice(av1 + 4)));
        if (text.includes("mp4a")) found.push(text.includes("esds") && isMp3(bytes, text) ? "mp4a.6B" : "mp4a.40.2");
        else if (text.includes("Opus")) found.push("opus");
        else if (text.includes("fLaC")) found.push("flac");
        return `video/mp4; codecs="${found.join(", ")}"`;
    }

    // The object type stands behind the descriptor's tag 4 and its length.
    function isMp3(bytes, text) {
        let at = text.indexOf("esds") + 8;
        while (at < bytes.length && bytes[at] !== 4) at += 1;
        do at += 1; while (bytes[at] & 0x80);
        return bytes[at + 1] === 0x6b || bytes[at + 1] === 0x69;
    }

    function hevcWords(record, name) {
        const space = ["", "A", "B", "C"][record[1] >> 6], profile = record[1] & 31, tier = record[1] & 32 ? "H" : "L";
        let flags = 0;
        for (let bit = 0; bit < 32; bit++) if (record[2 + (bit >> 3)] & (128 >> (bit & 7))) flags += 2 ** bit;
        const constraints = [...record.slice(6, 12)];
        while (constraints.length && !constraints.at(-1)) constraints.pop();
        return [name, `${space}${profile}`, flags.toString(16), `${tier}${record[12]}`, ...constraints.map((byte) => byte.toString(16))].join(".");
    }

    function av1Words(record) {
        const level = String(record[1] & 31).padStart(2, "0"), tier = record[2] & 128 ? "H" : "M";
        const depth = record[2] & 64 ? (record[2] & 32 ? 12 : 10) : 8;
        return `av01.${record[1] >> 5}.${level}${tier}.${String(depth).padStart(2, "0")}`;
    }

    // ---- feeding
    function follow(video, address, say) {
        const Source = window.ManagedMediaSource || window.MediaSource;
        if (Source) return feed(new Source(), video, address, say);
        if (video.canPlayType(NATIVE)) {
            video.src = address;
            return { close() {} };
        }
        say(t("This browser cannot play a file that is still being made."));
        return { close() {} };
    }

    function feed(media, video, address, say) {
        const base = new URL(address, document.baseURI);
        const link = URL.createObjectURL(media);
        let isOpen = true, wake = () => {}, list = { parts: [], length: 0, isComplete: false }, looked = 0;
        let buffer = null, map = null, isPlaced = false, ahead = AHEAD;
        const sent = new Set();

        const isIn = (ranges, at) => [...Array(ranges.length).keys()].some((n) => ranges.start(n) <= at && at <= ranges.end(n));

        async function look() {
            if (list.isComplete || Date.now() - looked < LOOK) return;
            looked = Date.now();
            const answer = await fetch(base, { credentials: "same-origin", cache: "no-store" });
            if (!answer.ok) throw answer.status === 404 ? t("The first part is not finished yet. It begins here by itself.") : t("The program answered with error {0}.", answer.status);
            list = read(await answer.text());
        }

        async function bytes(name) {
            const answer = await fetch(new URL(name, base), { credentials: "same-origin" });
            if (!answer.ok) throw t("The program answered with error {0}.", answer.status);
            return new Uint8Array(await answer.arrayBuffer());
        }

        // A source buffer does one thing at a time.
        function done(act) {
            const over = new AbortController(), { signal } = over;
            return new Promise((resolve, reject) => {
                buffer.addEventListener("updateend", resolve, { signal });
                buffer.addEventListener("error", () => reject(t("This browser cannot play the file. Download it and open it in a video player.")), { signal });
                act();
            }).finally(() => over.abort());
        }

        function next() {
            const now = video.currentTime;
            return list.parts.find((one) => one.end > now + EDGE && one.begin < now + ahead && !sent.has(one.name));
        }

        async function add(one) {
            if (one.map !== map) {
                const start = await bytes(one.map), kind = codecs(start);
                if (!buffer) {
                    if (!media.constructor.isTypeSupported(kind)) throw t("This browser cannot play this kind of file. A copy for watching here is made when the conversion is done.");
                    buffer = media.addSourceBuffer(kind);
                }
                await done(() => buffer.appendBuffer(start));
                map = one.map;
            }
            const piece = await bytes(one.name);
            await done(() => buffer.appendBuffer(piece));
            if (!isPlaced) await place(one, piece);
            sent.add(one.name);
            if (media.readyState === "open") media.duration = Math.max(list.length, buffer.buffered.length ? buffer.buffered.end(buffer.buffered.length - 1) : 0);
        }

        // The parts' own clock begins somewhere; here the stream begins at 0.
        async function place(one, piece) {
            const shift = one.begin - buffer.buffered.start(0);
            isPlaced = true;
            await done(() => buffer.remove(0, Number.POSITIVE_INFINITY));
            buffer.timestampOffset = shift;
            await done(() => buffer.appendBuffer(piece));
        }

        // What lies far behind makes room for what comes, and is fetched again by whoever goes back.
        async function forget() {
            const limit = video.currentTime - BEHIND;
            const old = list.parts.filter((one) => sent.has(one.name) && one.end < limit);
            if (!old.length || !buffer) return;
            await done(() => buffer.remove(0, old.at(-1).end));
            for (const one of old) sent.delete(one.name);
        }

        // Whatever the browser has thrown away by itself is fetched again when it is wanted.
        function refill() {
            for (const one of list.parts) if (sent.has(one.name) && !isIn(video.buffered, (one.begin + one.end) / 2)) sent.delete(one.name);
            wake();
        }

        async function step() {
            await look();
            await forget();
            const one = next();
            if (one) {
                await add(one);
                say("");
            } else if (list.isComplete && sent.has(list.parts.at(-1)?.name) && media.readyState === "open") {
                media.endOfStream();
            }
            return Boolean(one);
        }

        async function run() {
            while (isOpen) {
                let hasMore = false;
                try {
                    hasMore = await step();
                } catch (problem) {
                    if (problem.name === "QuotaExceededError") ahead = Math.max(LEAST_AHEAD, ahead / 2);
                    else if (isOpen) say(typeof problem === "string" ? problem : t("The program does not answer."));
                }
                if (isOpen && !hasMore) await new Promise((resolve) => { wake = resolve; setTimeout(resolve, TICK); });
            }
        }

        media.addEventListener("sourceopen", run, { once: true });
        for (const event of ["seeking", "waiting"]) video.addEventListener(event, refill);
        video.disableRemotePlayback = true;  // what a managed source asks for
        video.src = link;
        return {
            get length() { return list.length; },
            close() {
                isOpen = false;
                wake();
                for (const event of ["seeking", "waiting"]) video.removeEventListener(event, refill);
                URL.revokeObjectURL(link);
            },
        };
    }

    return { follow, read, codecs };
})();
