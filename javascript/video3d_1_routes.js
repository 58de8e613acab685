// The HTTP routes, the only file that knows their addresses. Errors are {message, remedy}, as the server words them.
"use strict";

video3d.routes = (() => {
    const { t, told } = video3d;
    const address = (path) => `${video3d.facts.routes}/${path}`;
    const part = encodeURIComponent;

    async function ask(path, { method = "GET", body, signal, raw = false } = {}) {
        let answer;
        try {
            answer = await fetch(address(path), { method, signal, credentials: "same-origin",
                headers: body === undefined ? {} : { "Content-Type": "application/json" },
                body: body === undefined ? undefined : JSON.stringify(body) });
        } catch (problem) {
            if (signal?.aborted) throw problem;
            throw lost();
        }
        if (!answer.ok) throw await refusal(answer);
        return raw ? answer.blob() : answer.json();
    }

    function lost() {
        return { message: t("The program does not answer."), remedy: t("Is it still running? This page tries again by itself.") };
    }

    async function refusal(answer) {
        try {
            const { message, remedy } = await answer.json();
            if (message) return { message: told(message), remedy: told(remedy || "") };
        } catch {
            // not ours
        }
        return { message: t("The program answered with error {0}.", answer.status), remedy: "" };
    }

    // ---- videos: sent as they are, without form or encoding, so that size does not matter
    function upload(file, progress, signal) {
        return new Promise((resolve, reject) => {
            const request = new XMLHttpRequest();
            request.open("POST", address(`uploads?name=${part(file.name)}`));
            request.setRequestHeader("Content-Type", "application/octet-stream");
            request.upload.onprogress = (event) => progress(event.loaded);
            request.onload = () => {
                let answer = {};
                try {
                    answer = JSON.parse(request.responseText);
                } catch {
                    // not ours
                }
                if (request.status < 300) resolve({ upload: answer.id });
                else reject({ message: told(answer.message) || t("The program answered with error {0}.", request.status), remedy: told(answer.remedy || "") });
            };
            request.onerror = () => reject(lost());
            request.onabort = () => reject({ message: t("The upload was stopped."), remedy: "" });
            signal.addEventListener("abort", () => request.abort());
            request.send(file);
        });
    }

    // Nobody waits for this: what stays behind is deleted by the server after a week.
    const forget = (upload) => ask(`uploads/${part(upload)}`, { method: "DELETE" }).catch(() => {});
    const describe = (reference) => ask(reference.upload ? `uploads/${part(reference.upload)}/info` : `files/info?path=${part(reference.path)}`);
    const shots = (reference) => ask("shots", { method: "POST", body: { ...reference } });
    const editShots = (reference, change) => ask("shots/edit", { method: "POST", body: { ...reference, ...change } });
    const forgetShots = (reference) => ask(`shots?${new URLSearchParams(reference)}`, { method: "DELETE" });
    const estimate = (reference, settings) => ask("estimate", { method: "POST", body: { ...reference, settings } });
    const preview = (reference, settings, moment, view, signal, more = {}) =>
        ask("preview", { method: "POST", signal, raw: true, body: { ...reference, settings, moment, view, format: view === "wiggle" ? "webp" : "jpeg", ...more } });

    // ---- conversions
    const jobs = () => ask("jobs");
    const submit = (reference, settings) => ask("jobs", { method: "POST", body: { ...reference, settings } });

    function act(id, verb, body) {
        if (verb === "delete") return ask(`jobs/${part(id)}`, { method: "DELETE" });
        if (verb === "priority") return ask(`jobs/${part(id)}`, { method: "PATCH", body });
        if (verb === "stop") return ask(`jobs/${part(id)}/pause?at_once=true`, { method: "POST" });
        return ask(`jobs/${part(id)}/${verb}`, { method: "POST" });
    }

    const livePicture = (id, version) => address(`jobs/${part(id)}/preview?${version}`);
    const download = (id) => address(`jobs/${part(id)}/result?download=true`);
    const result = (id) => address(`jobs/${part(id)}/result`);
    const evidence = (id) => address(`diagnostics?job=${part(id)}`);
    const report = (id) => address(`jobs/${part(id)}/comfort.png`);
    const playlist = (id) => address(`jobs/${part(id)}/stream/playlist.m3u8`);
    const playable = (id) => ask(`jobs/${part(id)}/playable`, { method: "POST" });

    // ---- settings under a name
    const presets = () => ask("presets");
    const savePreset = (name, values) => ask(`presets/${part(name)}`, { method: "PUT", body: { values } });
    const deletePreset = (name) => ask(`presets/${part(name)}`, { method: "DELETE" });
    const status = () => ask("status");

    // ---- depth models
    const models = async () => (await ask("models")).models;
    const fetchModel = async (id) => (await ask(`models/${part(id)}/download`, { method: "POST" })).models;
    const stopModel = async (id) => (await ask(`models/${part(id)}/download`, { method: "DELETE" })).models;

    return { ask, upload, forget, describe, shots, editShots, forgetShots, estimate, preview, jobs, submit, act, livePicture, download, result, evidence, report, playlist, playable,
        presets, savePreset, deletePreset, status, models, fetchModel, stopModel, address };
})();
