// Numbers as people read them.
"use strict";

video3d.format = (() => {
    const { t } = video3d;

    function clock(seconds) {
        const whole = Math.max(0, Math.round(seconds));
        const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
        const tail = `${String(whole % 60).padStart(2, "0")}`;
        return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
    }

    function moment(seconds) {
        const minutes = Math.floor(seconds / 60);
        return `${minutes}:${(seconds - 60 * minutes).toFixed(1).padStart(4, "0")}`;
    }

    function duration(seconds) {
        if (seconds < 10) return t("a few seconds");
        if (seconds < 90) return t("{0} s", Math.round(seconds / 5) * 5);
        if (seconds < 5400) return t("{0} min", Math.round(seconds / 60));
        return t("{0} h", (seconds / 3600).toFixed(1));
    }

    function bytes(count) {
        const units = ["B", "kB", "MB", "GB", "TB"];
        let size = count, unit = 0;
        while (size >= 1000 && unit < units.length - 1) {
            size /= 1000;
            unit += 1;
        }
        return `${size >= 100 || unit === 0 ? size.toFixed(0) : size.toPrecision(2)} ${units[unit]}`;
    }

    function number(value, digits = 1) {
        return Number(value).toLocaleString(navigator.language, { maximumFractionDigits: digits });
    }

    function date(seconds) {
        const when = new Date(seconds * 1000);
        const today = new Date().toDateString() === when.toDateString();
        return when.toLocaleString(navigator.language,
            today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
    }

    return { clock, moment, duration, bytes, number, date };
})();
