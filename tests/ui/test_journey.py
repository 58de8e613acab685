"""What a person does, in a real browser, on every gradio there is: one page, kept through the whole journey.

With VIDEO3D_WEBUI_URL the same journey is made in the tab of a real webui, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs("chromium", "playwright")
SECONDS = 1000
SOON, LONG = 30 * SECONDS, 240 * SECONDS
"""Milliseconds: for what only asks, and for what computes for the first time on a busy machine."""

IN_SIGHT = """() => {
    const panel = document.querySelector('#video3d_player').getBoundingClientRect();
    return panel.top >= 0 && panel.bottom <= window.innerHeight + 1;
}"""
"""The whole player, with the buttons below the picture."""
NEIGHBOURS = """path => {
    video3d.facts.sendToImages = true;
    const made = document.createElement('div');
    made.id = 'neighbours';
    made.innerHTML = '<div id="extras_image"><input type="file"></div><video></video>';
    made.querySelector('video').src = 'file=' + path;
    document.body.append(made);
}"""


@pytest.fixture(scope="module")
def context(browser: Any) -> Iterator[Any]:
    """A browser's profile: what it remembers lasts through the module."""
    made = browser.new_context(viewport={"width": 1320, "height": 1000}, accept_downloads=True, locale="en-GB")
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(context: Any, address: str, open_tab: Callable[..., Any]) -> Any:
    return open_tab(context, address)


def set_file(page: Any, path: Path) -> None:
    page.set_input_files("#video3d_file", str(path))


def drop(page: Any) -> None:
    """Forget the videos that the page has."""
    while page.locator("#video3d_card").count():
        page.locator("#video3d_card .video3d-card-head button").click()


def unfold(page: Any) -> None:
    page.eval_on_selector("details.video3d-fold", "details => { details.open = true; }")


def press(page: Any, words: str) -> None:
    """A button of ours: a webui has more of the same words."""
    page.locator("#video3d_page").get_by_text(words, exact=True).click()


def count(page: Any, state: str) -> int:
    """A webui may have jobs of earlier days."""
    return page.locator(f"[data-state={state}]").count()


def wait_for_jobs(page: Any, state: str, number: int, timeout: int = LONG) -> None:
    page.wait_for_function(f"document.querySelectorAll('[data-state={state}]').length === {number}", timeout=timeout)


def source_of(page: Any, selector: str) -> str:
    return page.locator(selector).get_attribute("src") or ""


def test_the_page_begins_calmly(page: Any) -> None:
    assert page.locator(".video3d-drop").is_visible()
    assert page.locator("#video3d_generate").is_visible()
    assert page.locator("#video3d_page button[id$=_skip]").count() == 1, "a webui's script presses it"
    page.wait_for_selector("#video3d_interrupt", state="hidden", timeout=LONG)  # a webui goes on with its queue first


def test_a_video_becomes_a_card(page: Any, small_clip: Path) -> None:
    set_file(page, small_clip)
    page.wait_for_selector(".video3d-facts", timeout=SOON)
    text = page.locator("#video3d_card").inner_text()
    assert "320 × 180" in text
    assert "0:02" in text
    assert "24 frames/s" in text
    page.wait_for_function("document.querySelector('#video3d_shot_count').textContent === '2'", timeout=LONG)
    page.wait_for_function("/640 × 180/.test(document.querySelector('#video3d_estimate').textContent)", timeout=LONG)


def test_a_preview_appears_in_every_view(page: Any) -> None:
    page.wait_for_selector("#video3d_picture:not([hidden])", timeout=LONG)
    for view in ("original", "depth", "anaglyph", "wiggle", "left-right"):
        page.locator(f"[data-view={view}].video3d-tab").click()
        page.wait_for_function(
            f"(() => {{ const i = document.querySelector('#video3d_picture'); return i.dataset.view === '{view}' && "
            "i.complete && i.naturalWidth > 0; })()", timeout=LONG)
    assert page.eval_on_selector("#video3d_picture", "image => image.naturalWidth / image.naturalHeight") > 3


def test_the_preview_follows_the_controls(page: Any) -> None:
    before = source_of(page, "#video3d_picture")
    box = page.locator("#video3d_strength input[type=number]")
    box.fill("4")
    box.press("Tab")
    page.wait_for_function(f"document.querySelector('#video3d_picture').src !== '{before}'", timeout=LONG)
    assert not page.locator("#video3d_strength_automatic input").is_checked(), "who moves a slider wants its value"
    page.locator("#video3d_strength_automatic input").check()


def test_the_scrubber_and_the_shots_choose_the_moment(page: Any) -> None:
    before = source_of(page, "#video3d_picture")
    page.locator("#video3d_shots [data-shot='1']").click()
    assert page.locator(".video3d-clock").first.inner_text() > "0:01.0"
    page.wait_for_function(f"document.querySelector('#video3d_picture').src !== '{before}'", timeout=LONG)


def test_a_shot_gets_values_of_its_own_and_is_split_and_joined(page: Any, once: str) -> None:
    del once

    def wait_for_shots(condition: str) -> None:
        page.wait_for_function(f"(({{ shots, edited }}) => {condition})(video3d.sources.current.shots)", timeout=LONG)

    page.locator("#video3d_shots [data-shot='1']").click()
    page.locator("#video3d_shot_edit").click()
    before = source_of(page, "#video3d_picture")
    page.locator("#video3d_shot_own_strength").check()
    wait_for_shots("edited && shots[1].strength > 0 && shots[0].strength === 'auto'")
    page.wait_for_function(f"document.querySelector('#video3d_picture').src !== '{before}'", timeout=LONG)
    assert page.locator("#video3d_shots .video3d-edited").count() == 1
    page.get_by_text("Split here", exact=True).click()
    wait_for_shots("shots.length === 3")
    assert page.locator("#video3d_shot_count").inner_text() == "3"
    assert "Shot 3 of 3" in page.locator("#video3d_shot_form").inner_text()
    page.get_by_text("Join with the shot before", exact=True).click()
    wait_for_shots("shots.length === 2")
    page.get_by_text("All shots as they were found", exact=True).click()
    wait_for_shots("!edited && shots[1].strength === 'auto'")
    page.locator("#video3d_shot_edit").click()
    assert not page.locator("#video3d_shot_form").is_visible()


def test_a_depth_model_says_what_it_is(page: Any, once: str, webui: bool) -> None:
    del once
    page.wait_for_selector(".video3d-frame[data-video3d=models] p", timeout=SOON)
    said = page.locator("[data-video3d=models]").inner_text()
    assert webui or "built-in (basic)" in said, "a webui may have a better one"
    page.evaluate("video3d.settings.change({ depth_model: 'depth-anything-v2-large' })")
    page.get_by_text("Not for commercial use").wait_for(timeout=SOON)
    assert "Download it (1.3 GB)" in page.locator("#video3d_download").inner_text()
    page.evaluate("video3d.settings.change({ depth_model: 'auto' })")
    page.wait_for_function("video3d.settings.isSettled", timeout=SOON)


def test_a_slow_depth_model_says_so_and_offers_the_quick_one(page: Any, once: str,
                                                             reopen: Callable[[Any], None]) -> None:
    """No weights are here: the server's answer is made up, and the first picture is kept from the page."""
    del once
    held: list[Any] = []

    def answer(route: Any) -> None:
        told = route.fetch().json()
        for model in told["models"]:
            is_network = model["id"] == "depth-anything-v2-small"
            model.update(chosen=is_network, **({"availability": "on disk", "slow": True} if is_network else {}))
        route.fulfill(json=told)

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/v1/models", answer)
    page.route("**/v1/preview", hold)
    reopen(page)
    page.locator("#video3d_slow").wait_for(timeout=SOON)
    assert "Uses Depth Anything V2 Small." in page.locator("[data-video3d=models]").inner_text()
    assert page.locator("#video3d_quick_model").is_visible()
    page.locator(".video3d-stage button").wait_for(timeout=SOON)
    assert "Depth Anything V2 Small works without a graphics card" in page.locator(".video3d-stage").inner_text()
    assert re.fullmatch(r"0:\d\d", page.locator(".video3d-waited").inner_text()), "how long so far"
    page.locator(".video3d-stage button").click()
    page.wait_for_function("video3d.settings.values().depth_model === 'builtin'", timeout=SOON)
    page.locator("#video3d_slow").wait_for(state="detached", timeout=SOON)
    page.evaluate("video3d.settings.change({ depth_model: 'auto' })")
    page.wait_for_function("video3d.settings.isSettled", timeout=SOON)
    page.unroute("**/v1/models")
    page.unroute("**/v1/preview")
    reopen(page)


def test_a_device_brings_its_layout(page: Any) -> None:
    page.get_by_label("Kodi / Jellyfin").check()
    page.wait_for_function("video3d.settings.values().container === 'mkv'", timeout=SOON)
    assert page.evaluate("video3d.settings.values().layout") == "half-sbs"
    page.get_by_label("Phone, red-cyan glasses").check()
    page.wait_for_function("video3d.settings.values().layout === 'anaglyph-dubois'", timeout=SOON)
    page.get_by_label("Quest 3 / 3S").check()
    page.wait_for_function("video3d.settings.values().layout === 'full-sbs'", timeout=SOON)


def test_a_list_is_used_by_hand(page: Any) -> None:
    page.locator("#video3d_page").get_by_text("File", exact=True).click()
    field = page.locator("#video3d_layout input")
    assert field.input_value() == "Side by side, full size"
    field.click()
    page.locator("#video3d_layout").get_by_text("Top and bottom, half size").click()
    page.wait_for_function("video3d.settings.values().layout === 'half-tab'", timeout=SOON)
    assert field.input_value() == "Top and bottom, half size"
    page.wait_for_function("document.querySelector('#video3d_preset input:checked')?.value === 'none'", timeout=SOON)
    page.get_by_label("Quest 3 / 3S").check()
    page.wait_for_function("video3d.settings.values().layout === 'full-sbs'", timeout=SOON)
    shown = "document.querySelector('#video3d_layout input').value"
    page.wait_for_function(f"{shown} === 'Side by side, full size'", timeout=SOON)
    page.locator("#video3d_page").get_by_text("File", exact=True).click()


def test_convert_shows_progress_and_the_result_plays(page: Any) -> None:
    done = count(page, "done")
    page.locator("#video3d_generate").click()
    wait_for_jobs(page, "done", done + 1)
    page.wait_for_selector("#video3d_player canvas", timeout=LONG)
    page.wait_for_function("document.querySelector('#video3d_player video').currentTime > 0.1", timeout=LONG)
    page.wait_for_function(IN_SIGHT, timeout=SOON)
    size = page.eval_on_selector("#video3d_player video", "video => [video.videoWidth, video.videoHeight]")
    assert size == [640, 180]
    for mode in ("left", "parallel", "crossed", "wiggle", "file", "anaglyph"):
        page.locator(f"[data-mode={mode}]").click()
    shape = page.eval_on_selector("#video3d_player canvas", "canvas => canvas.width / canvas.height")
    assert shape == pytest.approx(320 / 180, rel=0.02)
    assert not page.locator("#video3d_interrupt").is_visible()


def test_the_result_can_be_downloaded(page: Any, tmp_path: Path) -> None:
    with page.expect_download(timeout=SOON) as waiting:
        page.locator("[data-state=done] .video3d-download").first.click()
    waiting.value.save_as(tmp_path / "result.mp4")
    assert "_3D_FSBS_LRF_Full_SBS" in waiting.value.suggested_filename  # and a number, where the name was taken
    assert (tmp_path / "result.mp4").read_bytes()[4:8] == b"ftyp"
    unfold(page)
    page.set_input_files("#video3d_preset_file", str(tmp_path / "result.mp4"))
    page.get_by_text("The settings of result.mp4 are in use.").wait_for(timeout=SOON)


def test_a_reload_loses_nothing(page: Any, reopen: Callable[[Any], None]) -> None:
    page.get_by_label("3D TV").check()
    page.wait_for_function("video3d.settings.values().layout === 'half-sbs'", timeout=SOON)
    page.wait_for_function("video3d.settings.isSettled", timeout=SOON)
    reopen(page)
    page.wait_for_selector(".video3d-facts", timeout=SOON)
    page.wait_for_selector("[data-state=done]", timeout=SOON)
    page.wait_for_function("video3d.settings.values().layout === 'half-sbs'", timeout=SOON)
    page.wait_for_function("document.querySelector('#video3d_preset input:checked')?.value === 'tv-3d'", timeout=SOON)


def test_what_is_made_is_watched_and_stopped_in_a_second_browser(page: Any, browser: Any, address: str, long_clip: Path,
                                                                 open_tab: Callable[..., Any]) -> None:
    drop(page)
    paused, cancelled = count(page, "paused"), count(page, "cancelled")
    set_file(page, long_clip)
    page.wait_for_selector(".video3d-facts", timeout=SOON)
    page.evaluate("video3d.settings.change({ strength: 2 })")
    page.locator("#video3d_generate").click()
    page.wait_for_selector(".video3d-progress", timeout=LONG)
    other = browser.new_context(locale="en-GB")
    try:
        second = open_tab(other, address)
        second.wait_for_selector("#video3d_watch:not([hidden])", timeout=LONG)
        assert "frame" in second.locator(".video3d-progress-text").inner_text()
        second.locator("#video3d_watch").click()
        second.wait_for_function("document.querySelector('#video3d_player video').currentTime > 0.1", timeout=LONG)
        assert source_of(second, "#video3d_player video").startswith("blob:"), "it is fed while it is being made"
        assert second.locator("#video3d_interrupt").is_visible()
        second.locator("#video3d_interrupt").click()
        wait_for_jobs(page, "paused", paused + 1)
        page.wait_for_selector(".video3d-progress", state="detached", timeout=SOON)
        assert not page.locator("#video3d_interrupt").is_visible()
        assert second.video3d_complaints == []
    finally:
        other.close()
    page.locator("[data-state=paused] button", has_text="Cancel").last.click()
    wait_for_jobs(page, "cancelled", cancelled + 1, SOON)


def test_several_videos_wait_in_a_queue(page: Any, small_clip: Path, odd_clip: Path, once: str) -> None:
    del once
    drop(page)
    done = count(page, "done")
    page.set_input_files("#video3d_file", [str(small_clip), str(odd_clip)])
    page.wait_for_function("video3d.sources.ready.length === 2", timeout=LONG)
    page.locator("#video3d_generate").click()
    wait_for_jobs(page, "done", done + 2)


def test_what_is_no_video_is_refused_in_words(page: Any, tmp_path: Path) -> None:
    broken = tmp_path / "holiday.mp4"
    broken.write_bytes(b"this is no video" * 100)
    drop(page)
    set_file(page, broken)
    page.wait_for_selector(".video3d-problem", timeout=SOON)
    assert "holiday.mp4" in page.locator("#video3d_card").inner_text()
    drop(page)


def test_settings_are_saved_shared_and_read_back(page: Any, tmp_path: Path) -> None:
    unfold(page)
    page.locator("#video3d_preset_name").fill("my glasses")
    page.get_by_label("Phone, red-cyan glasses").check()
    page.wait_for_function("video3d.settings.values().layout === 'anaglyph-dubois'", timeout=SOON)
    page.locator("#video3d_preset_name + button").click()
    page.wait_for_selector("#video3d_saved option[value='my glasses']", state="attached", timeout=SOON)
    with page.expect_download(timeout=SOON) as waiting:
        press(page, "To a file")
    waiting.value.save_as(tmp_path / "settings.json")
    press(page, "Defaults")
    page.wait_for_function("video3d.settings.values().layout === 'full-sbs'", timeout=SOON)
    page.locator("#video3d_saved").select_option("my glasses")
    page.wait_for_function("video3d.settings.values().layout === 'anaglyph-dubois'", timeout=SOON)
    press(page, "Defaults")
    page.wait_for_function("video3d.settings.values().layout === 'full-sbs'", timeout=SOON)
    page.set_input_files("#video3d_preset_file", str(tmp_path / "settings.json"))
    page.wait_for_function("video3d.settings.values().layout === 'anaglyph-dubois'", timeout=SOON)
    page.locator("#video3d_saved").select_option("my glasses")
    press(page, "Delete")
    page.wait_for_selector("#video3d_saved option[value='my glasses']", state="detached", timeout=SOON)
    press(page, "Defaults")


def test_the_keyboard_converts_and_stops(page: Any, small_clip: Path, long_clip: Path, once: str, webui: bool) -> None:
    """Only the webui's own script listens for these keys."""
    del once
    if not webui:
        pytest.skip("the webui's keyboard shortcuts need a webui: set VIDEO3D_WEBUI_URL")
    drop(page)
    set_file(page, long_clip)
    page.wait_for_selector(".video3d-facts", timeout=SOON)
    for stop in ("Escape", "Alt+Enter"):
        paused = count(page, "paused")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".video3d-progress", timeout=LONG)
        page.keyboard.press(stop)
        wait_for_jobs(page, "paused", paused + 1)
        page.locator("[data-state=paused] button", has_text="Cancel").last.click()
        wait_for_jobs(page, "paused", paused, SOON)
    drop(page)
    done = count(page, "done")
    set_file(page, small_clip)
    page.wait_for_selector(".video3d-facts", timeout=SOON)
    page.keyboard.press("Control+Enter")
    wait_for_jobs(page, "done", done + 1)


def test_pictures_and_videos_are_exchanged_with_other_tabs(page: Any, small_clip: Path, home: Path, once: str,
                                                           webui: bool, reopen: Callable[[Any], None]) -> None:
    """Without a webui its other tabs are made up: a field for a file, and a video with gradio's kind of address."""
    del once
    drop(page)
    set_file(page, small_clip)
    if not webui:
        (home / "theirs.mp4").write_bytes(small_clip.read_bytes())
        page.evaluate(NEIGHBOURS, str(home / "theirs.mp4"))
        drop(page)
        page.get_by_role("button", name="theirs.mp4").click()
    if webui:
        for tab in ("img2img_image", "extras_image"):
            page.locator(f".video3d-sending [data-to={tab}]").click(timeout=LONG)
            page.wait_for_selector(f"#{tab} img, #{tab} canvas", timeout=LONG)
            reopen(page)
        return
    page.locator(".video3d-sending [data-to=extras_image]").click(timeout=LONG)
    page.wait_for_function("document.querySelector('#extras_image input').files?.length === 1", timeout=LONG)
    name = page.evaluate("document.querySelector('#extras_image input').files[0].name")
    assert name.startswith("theirs_")
    assert name.endswith("_left-right.png")
    drop(page)
    set_file(page, small_clip)
    page.locator(".video3d-sending [data-to=extras_image]").wait_for(timeout=LONG)  # for the next video as well
    page.evaluate("document.querySelector('#neighbours').remove()")


def test_the_program_may_ask_to_be_started_anew(page: Any, once: str) -> None:
    """What a webui tells after an update; no server here was updated, so its answer is made up."""
    del once
    sentence = "2D→3D Video was updated while the webui ran. Start the webui anew to use it."
    page.route("**/status", lambda route: route.fulfill(
        json={**route.fetch().json(), "notices": [sentence]}))  # fmt: skip
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator(".video3d-banner", has_text=sentence).wait_for(timeout=SOON)
    page.unroute("**/status")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator(".video3d-banner").wait_for(state="detached", timeout=SOON)


def test_the_page_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page_width = page.evaluate("document.documentElement.scrollWidth")
    assert page_width <= 392, "something is wider than the screen"
    page.set_viewport_size({"width": 1320, "height": 1000})


def test_nothing_went_wrong_in_the_script(page: Any) -> None:
    assert page.video3d_complaints == []
