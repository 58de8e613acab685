"""A translation is complete, and holds nothing that is not said any more."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from video3d.params import parameters
from video3d.settings import ConversionSettings
from video3d.ui.controls import label
from video3d.ui.page import ROOT, translations
from video3d.ui.texts import drawn_texts, option_texts, script_texts, told_texts
from video3d.ui.words import SAYINGS

LANGUAGES = sorted(translations())
COMMANDS = re.compile(r"--[a-z]|(^| )-[a-z]\b|`")
"""What only a command line understands."""


def all_texts() -> set[str]:
    return drawn_texts() | script_texts() | option_texts() | told_texts()


def test_texts_are_found() -> None:
    assert "Drop a video here" in script_texts()
    assert "Convert" in drawn_texts()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing(language: str) -> None:
    assert sorted(all_texts() - set(translations()[language])) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_left_over(language: str) -> None:
    assert sorted(set(translations()[language]) - all_texts()) == []


def test_the_webuis_settings_are_found() -> None:
    assert {"Folder for 3D videos", "(each video gets a file of its own in it)"} <= option_texts()


def test_what_is_told_is_found_with_places_for_what_differs() -> None:
    told = told_texts()
    assert "There is no such upload." in told
    assert "{0}: this path is not among the folders that may be named." in told
    assert not {"{0}", ""} & told


@pytest.mark.parametrize("text", [
    "The video has transparency, which is ignored.",  # put into a list of notices
    "{0} expects the left eye first: the eyes are not exchanged.",  # returned
    "It runs when its turn comes.",  # in a table
    "Start the webui anew to use it.",  # the second sentence of a constant
    "{0} expects a frame of {1}:{2}; this one is {3} × {4}.",  # the first of two
    "it is cut short",  # the reason in another sentence
])  # fmt: skip
def test_what_is_told_is_found_wherever_it_stands(text: str) -> None:
    assert text in told_texts()


def test_what_describes_a_setting_or_a_route_is_not_told() -> None:
    assert not {"Kind of file.", "What was sent cannot be used.", "Decide what the parts are."} & told_texts()


@pytest.mark.parametrize("language", LANGUAGES)
def test_places_for_numbers_are_kept(language: str) -> None:
    """All of them where the page fills them in; what a command line's sentence names may be of no use on a page."""
    for text, translated in translations()[language].items():
        held, kept = (set(re.findall(r"\{\d\}", each)) for each in (text, translated))
        assert kept == held or (COMMANDS.search(text) and kept < held), text


def test_what_the_page_says_in_its_own_way_is_said() -> None:
    assert sorted(set(SAYINGS) - told_texts()) == []


SAID = """
globalThis.window = globalThis;
const [script, words, facts, texts] = process.argv.slice(1);
window.localization = JSON.parse(words);
globalThis.document = { readyState: 'loading', addEventListener: (_, start) => { window.begin = start; }, body: {},
    querySelector: (wanted) => wanted.startsWith('meta') ? null : { dataset: { video3dFacts: facts } },
    querySelectorAll: () => [] };
globalThis.MutationObserver = class { observe() {} };
globalThis.setInterval = () => 0;
eval(require('fs').readFileSync(script, 'utf8'));
window.begin();
console.log(JSON.stringify(JSON.parse(texts).map(window.video3d.told)));
"""


def said(texts: list[str], words: dict[str, str]) -> list[str]:
    """What the page makes of what it is told, with `words` as its dictionary."""
    controls = [{"name": each.name, "label": label(each)} for each in parameters(ConversionSettings)]
    facts = json.dumps({"controls": controls, "sayings": SAYINGS})
    script = str(ROOT / "javascript" / "video3d.js")
    done = subprocess.run(["node", "-e", SAID, "--", script, json.dumps(words), facts, json.dumps(texts)],
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def filled(text: str) -> str:
    return re.sub(r"\{(\d)\}", r"X\1", text)


@pytest.mark.needs("node")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_recognises_every_sentence(language: str) -> None:
    held = translations()[language]
    texts = sorted(text for text in told_texts() if re.search(r"\.$|: \{\d\}$", text))
    shown = said([filled(text) for text in texts], held)
    assert [text for text, got in zip(texts, shown, strict=True) if got != filled(held[text])] == []


@pytest.mark.needs("node")
@pytest.mark.parametrize("language", ["", *LANGUAGES])
def test_the_page_names_controls_and_no_commands(language: str) -> None:
    held = translations().get(language, {})
    shown = said([filled(text) for text in sorted(told_texts())], held)
    assert [text for text in shown if COMMANDS.search(text)] == []


@pytest.mark.needs("node")
def test_a_flag_is_named_as_its_control() -> None:
    told = ["Choose another --codec, or a newer ffmpeg.", "Nobody knows --such-a-flag.",
            "--depth-size cannot be 7. Allowed: a whole number from 64 to 1036 pixels, or auto."]
    assert said(told, {}) == [
        "Choose another “Video format”, or a newer ffmpeg.",
        "Nobody knows --such-a-flag.",
        "“Depth detail” cannot be 7. Allowed: a whole number from 64 to 1036 pixels, or auto.",
    ]
    assert said(told[2:], translations()["de_DE"]) == [
        "„Feinheit der Tiefe“ kann nicht 7 sein. Erlaubt: eine ganze Zahl von 64 bis 1036 pixels, oder auto."]


@pytest.mark.needs("node")
def test_reasons_are_translated_where_they_stand() -> None:
    told = {
        "a.pth: not usable as weights: its table cannot be read.":
            "a.pth: nicht als Gewichte zu gebrauchen: ihre Tabelle ist nicht lesbar.",
        "clip.mp4: The file's clock restarts or leaps 3 times; the parts were joined.":
            "clip.mp4: Die Uhr der Datei springt oder beginnt neu (3-mal); die Teile wurden verbunden.",
        "the shots: shot 3: an object is expected.": "die Szenen: Szene 3: erwartet wird ein Objekt.",
        "The sound track eng was converted to AAC: mp4 cannot hold x. The original follows as a track of its own.":
            "Die Tonspur eng wurde in AAC umgewandelt: mp4 kann x nicht fassen. Das Original folgt als eigene Spur.",
        "This job is running: it cannot be started again. Pause or cancel it first.":
            "Diese Umwandlung (in Arbeit) kann nicht noch einmal gestartet werden. Erst anhalten oder abbrechen.",
        "w.pth: these are not the weights of Net: 3 tensors are missing, such as a; 2 tensors are unknown, such as b.":
            "w.pth: Das sind nicht die Gewichte von Net: 3 Tensoren fehlen, etwa a; 2 Tensoren sind unbekannt, etwa b.",
    }
    assert said(list(told), translations()["de_DE"]) == list(told.values())


def test_there_is_a_second_language() -> None:
    assert "de_DE" in translations()
