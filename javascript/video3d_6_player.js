// Plays a stereo file without glasses, with red-cyan glasses, or with crossed eyes: one video element, one shader.
"use strict";

video3d.player = (() => {
    const { t, element, button, routes, format } = video3d;

    // Where the eyes lie in the frame, as [x, y, width, height] of the left and of the right one, origin at the top.
    const HALVES = {
        "full-sbs": [[0, 0, 0.5, 1], [0.5, 0, 0.5, 1]], "half-sbs": [[0, 0, 0.5, 1], [0.5, 0, 0.5, 1]],
        "full-tab": [[0, 0, 1, 0.5], [0, 0.5, 1, 0.5]], "half-tab": [[0, 0, 1, 0.5], [0, 0.5, 1, 0.5]],
        "vr180": [[0, 0, 0.5, 1], [0.5, 0, 0.5, 1]],
    };
    const MODES = ["left", "parallel", "crossed", "anaglyph", "wiggle", "file"];
    const WIGGLE_SECONDS = 0.16;

    const VERTEX = `
        attribute vec2 corner;
        varying vec2 place;
        void main() { place = vec2(corner.x, 1.0 - corner.y); gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0); }`;
    // Dubois' least-squares matrices for red-cyan glasses, in linear light; the same numbers as in stereo/anaglyph.py.
    const FRAGMENT = `
        precision mediump float;
        varying vec2 place;
        uniform sampler2D frame;
        uniform vec4 left, right;
        uniform int mode;
        const mat3 LEFT = mat3(0.437, -0.062, -0.048, 0.449, -0.062, -0.050, 0.164, -0.024, -0.017);
        const mat3 RIGHT = mat3(-0.011, 0.377, -0.026, -0.032, 0.761, -0.093, -0.007, 0.009, 1.234);
        vec3 eye(vec4 rectangle, vec2 at) { return texture2D(frame, rectangle.xy + rectangle.zw * at).rgb; }
        vec3 linear(vec3 coded) { return pow(coded, vec3(2.4)); }
        void main() {
            vec3 shown;
            if (mode == 0) shown = eye(left, place);
            else if (mode == 1) {
                vec2 at = vec2(fract(place.x * 2.0), place.y);
                shown = place.x < 0.5 ? eye(left, at) : eye(right, at);
            } else if (mode == 2) {
                vec3 mixed = LEFT * linear(eye(left, place)) + RIGHT * linear(eye(right, place));
                shown = pow(clamp(mixed, 0.0, 1.0), vec3(1.0 / 2.4));
            } else shown = texture2D(frame, place).rgb;
            gl_FragColor = vec4(shown, 1.0);
        }`;

    let job = null, mode = null, video = null, stage = null, painter = null, animation = 0, live = null;

    function words(name) {
        return { left: t("One eye"), parallel: t("Side by side"), crossed: t("Cross-eyed"), anaglyph: t("Red-cyan"), wiggle: t("Wiggle"), file: t("As it is") }[name];
    }

    // ---- the panel; `from` is the moment to begin with
    async function open(chosen, from = 0) {
        const panel = document.getElementById("video3d_player");
        if (!panel) return;
        close();
        job = chosen;
        mode ??= video3d.facts.player.view;
        const layout = job.settings.layout;
        const modes = HALVES[layout] ? MODES : ["file"];
        if (!modes.includes(mode)) mode = modes.includes("anaglyph") ? "anaglyph" : "file";
        video = element("video", { playsInline: true, loop: video3d.facts.player.repeats, preload: "auto", crossOrigin: "use-credentials", className: "video3d-video" });
        stage = element("div", { className: "video3d-cinema" }, video, element("p", { className: "video3d-empty" }, t("One moment …")));
        panel.hidden = false;
        panel.replaceChildren(
            element("div", { className: "video3d-job-head" }, element("strong", { className: "video3d-name" }, job.result_name),
                isMade() ? null : element("span", { className: "video3d-subtle" }, t("what is finished so far")),
                button("×", close, { className: "video3d-quiet", ariaLabel: t("Close the player"), title: t("Close the player") })),
            element("div", { className: "video3d-tabs", role: "group", ariaLabel: t("How it is shown") },
                modes.map((name) => button(words(name), () => choose(name), { className: "video3d-tab", "data-mode": name, "aria-pressed": String(name === mode) }))),
            stage, bar(),
            element("div", { className: "video3d-line", id: "video3d_player_actions" }));
        video3d.headset?.offer(document.getElementById("video3d_player_actions"), video, eyes, () => job);
        video3d.neighbours?.offer(document.getElementById("video3d_player_actions"), shown);
        video.addEventListener("loadeddata", () => {
            stage.querySelector(".video3d-empty")?.remove();
            if (from) video.currentTime = from;
            choose(mode);
            setTimeout(comeIntoSight, 300);  // only now it is as high as its picture
        }, { once: true });
        await load();
        comeIntoSight();
    }

    function comeIntoSight() {
        document.getElementById("video3d_player").scrollIntoView({ block: "nearest", behavior: "smooth" });
    }

    // Drawn, because not every machine has a font with such signs.
    const SIGNS = {
        play: "M7 4v16l13-8z", pause: "M6 4h4v16H6zM14 4h4v16h-4z",
        sound: "M3 9h4l6-5v16l-6-5H3zM16 8c2 2 2 6 0 8l1 1c3-3 3-7 0-10z",
        silence: "M3 9h4l6-5v16l-6-5H3zM16 10l5 5-1 1-5-5zM21 10l-5 5-1-1 5-5z",
        whole: "M3 3h7v2H5v5H3zM14 3h7v7h-2V5h-5zM3 14h2v5h5v2H3zM19 14h2v7h-7v-2h5z",
    };

    function sign(name) {
        const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: 18, height: 18, fill: "currentColor", "aria-hidden": "true" })) drawing.setAttribute(key, value);
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", SIGNS[name]);
        drawing.append(path);
        return drawing;
    }

    // Controls of our own: a browser's belong to the video element, which the canvas covers.
    function bar() {
        const toggle = () => (video.paused ? video.play() : video.pause());
        const play = button(sign("play"), toggle, { className: "video3d-quiet", ariaLabel: t("Play or pause") });
        const seek = element("input", { type: "range", min: 0, max: 1, step: "any", value: 0, ariaLabel: t("Position"), id: "video3d_seek" });
        const clock = element("output", { className: "video3d-clock" }, "0:00");
        const sound = button(sign("sound"), () => { video.muted = !video.muted; }, { className: "video3d-quiet", ariaLabel: t("Sound on or off") });
        const whole = button(sign("whole"), () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen()), { className: "video3d-quiet", ariaLabel: t("Whole screen") });
        seek.addEventListener("input", () => { video.currentTime = Number(seek.value) * (video.duration || 0); });
        video.addEventListener("timeupdate", () => {
            seek.value = video.currentTime / (video.duration || 1);
            clock.textContent = format.clock(video.currentTime);
        });
        for (const event of ["play", "pause"]) video.addEventListener(event, () => { play.replaceChildren(sign(video.paused ? "play" : "pause")); });
        video.addEventListener("volumechange", () => { sound.replaceChildren(sign(video.muted ? "silence" : "sound")); });
        video.addEventListener("click", toggle);
        return element("div", { className: "video3d-scrub" }, play, seek, clock, sound, whole);
    }

    const isMade = () => job.state === "done";

    function note(words) {
        const line = stage?.querySelector(".video3d-empty");
        if (line && words) line.textContent = words;
    }

    // The master plays where the browser can; otherwise a smaller copy is made for it, and the master stays as it is.
    // What is still being made plays as far as it is.
    async function load() {
        const mine = job;
        if (!isMade()) live = video3d.live.follow(video, routes.playlist(job.id), note);
        else if (!await loadMade(mine)) return;
        video.addEventListener("error", () => note(t("This browser cannot play the file. Download it and open it in a video player.")), { once: true });
        video.play().catch(() => {});  // browsers may want a click first
    }

    async function loadMade(mine) {
        try {
            const answer = await routes.playable(mine.id);
            if (job !== mine) return false;
            if (answer.state === "making") {
                note(t("This browser cannot play the file itself. A copy for watching here is being made: {0}%.", Math.round(100 * (answer.share || 0))));
                setTimeout(() => { if (job === mine) load(); }, 1000);
                return false;
            }
            video.src = routes.address(answer.address);
            return true;
        } catch (problem) {
            note([problem.message, problem.remedy].filter(Boolean).join(" "));
            return false;
        }
    }

    // A result that has just been made takes the place of what was watched of it, at the same moment; another one that
    // somebody watches goes on.
    function finished(made) {
        if (job?.id === made.id) open(made, video.currentTime);
        else if (video3d.facts.player.plays_at_once && (!job || video.paused || video.ended)) open(made);
    }

    function close() {
        cancelAnimationFrame(animation);
        painter?.end();
        painter = null;
        live?.close();
        live = null;
        if (video) {
            video.pause();
            video.removeAttribute("src");
            video.load();
        }
        job = video = stage = null;
        const panel = document.getElementById("video3d_player");
        if (panel) {
            panel.hidden = true;
            panel.replaceChildren();
        }
    }

    // The frame as it is shown, as large as it is: for other tabs.
    async function shown() {
        const { width, height } = { width: video.videoWidth, height: video.videoHeight };
        const canvas = element("canvas", { width, height });
        canvas.width = width;
        canvas.height = height;
        canvas.getContext("2d").drawImage(video, 0, 0);
        let picture = canvas;
        if (painter && !stage.classList.contains("video3d-plain")) {
            picture = stage.querySelector(".video3d-canvas");
            draw();  // a canvas keeps its picture only until the browser has shown it
        }
        const blob = await new Promise((resolve) => { picture.toBlob(resolve, "image/png"); });
        return { picture: blob, name: `${job.result_name.replace(/\.[^.]*$/, "")}_${format.moment(video.currentTime).replace(/[:.]/g, "-")}.png` };
    }

    function choose(name) {
        mode = name;
        for (const tab of document.querySelectorAll("#video3d_player .video3d-tab")) tab.setAttribute("aria-pressed", String(tab.dataset.mode === mode));
        cancelAnimationFrame(animation);
        const isPlain = mode === "file" || !HALVES[job.settings.layout];
        if (!isPlain && !painter) painter = makePainter(stage);
        stage.classList.toggle("video3d-plain", isPlain || !painter);
        if (!isPlain && painter) paint();
    }

    function eyes() {
        const halves = HALVES[job.settings.layout];
        if (!halves) return null;
        return job.settings.swap_eyes ? [halves[1], halves[0]] : halves;
    }

    // Width over height of one eye as it is meant to be seen.
    function aspect() {
        const frame = video.videoWidth / Math.max(1, video.videoHeight);
        return { "full-sbs": frame / 2, "vr180": frame / 2, "full-tab": frame * 2 }[job.settings.layout] || frame;
    }

    function paint() {
        animation = requestAnimationFrame(paint);
        if (video?.readyState >= 2) draw();
    }

    function draw() {
        const [left, right] = eyes();
        const swap = mode === "crossed" || (mode === "wiggle" && Math.floor(performance.now() / 1000 / WIGGLE_SECONDS) % 2 === 1);
        const number = { left: 0, wiggle: 0, parallel: 1, crossed: 1, anaglyph: 2 }[mode];
        const shape = number === 1 ? aspect() * 2 : aspect();
        painter.draw(video, swap ? right : left, swap ? left : right, number, shape);
    }

    function makePainter(holder) {
        const canvas = element("canvas", { className: "video3d-canvas" });
        const gl = canvas.getContext("webgl", { alpha: false, antialias: false });
        if (!gl) return null;
        canvas.addEventListener("click", () => (video.paused ? video.play() : video.pause()));
        holder.prepend(canvas);
        const program = gl.createProgram();
        for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
            const shader = gl.createShader(kind);
            gl.shaderSource(shader, text);
            gl.compileShader(shader);
            gl.attachShader(program, shader);
        }
        gl.linkProgram(program);
        gl.useProgram(program);
        gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
        gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
        gl.enableVertexAttribArray(gl.getAttribLocation(program, "corner"));
        gl.vertexAttribPointer(gl.getAttribLocation(program, "corner"), 2, gl.FLOAT, false, 0, 0);
        gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
        for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
        const place = (name) => gl.getUniformLocation(program, name);
        const places = { left: place("left"), right: place("right"), mode: place("mode") };

        function draw(source, left, right, number, shape) {
            const width = Math.min(1920, Math.round(holder.clientWidth * (window.devicePixelRatio || 1)));
            const height = Math.round(width / shape);
            if (canvas.width !== width || canvas.height !== height) {
                canvas.width = width;
                canvas.height = height;
                canvas.style.aspectRatio = String(shape);
            }
            gl.viewport(0, 0, width, height);
            gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, source);
            gl.uniform4fv(places.left, left);
            gl.uniform4fv(places.right, right);
            gl.uniform1i(places.mode, number);
            gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
        }

        return { draw, end: () => gl.getExtension("WEBGL_lose_context")?.loseContext() };
    }

    // ---- how comfortable it is: a picture that the program draws
    function report(chosen) {
        const panel = document.getElementById("video3d_player");
        close();
        panel.hidden = false;
        panel.replaceChildren(
            element("div", { className: "video3d-job-head" }, element("strong", { className: "video3d-name" }, chosen.result_name),
                button("×", close, { className: "video3d-quiet", ariaLabel: t("Close"), title: t("Close") })),
            element("img", { className: "video3d-report", alt: t("How far things stand in front of the screen and behind it, over time"), src: routes.report(chosen.id),
                onerror: (event) => event.target.replaceWith(element("p", { className: "video3d-empty" }, t("There is no comfort report for this file."))) }));
    }

    return { open, close, finished, report };
})();
