"""Where things lie in a webui."""

from __future__ import annotations

from pathlib import Path

import pytest

from video3d.webui.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "webui", tmp_path / "data", tmp_path / "data" / "models",
                  (tmp_path / "data" / "extensions", tmp_path / "webui" / "extensions-builtin"))


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_downloads_go_to_a_folder_of_our_own(places: Places) -> None:
    assert places.depth_models() == (places.models / "video3d",)


@pytest.mark.parametrize("kind", ["midas", "depth_anything", "depth_anything_v2", "zoedepth", "leres"])
def test_models_of_the_webuis_other_parts_are_found(kind: str, places: Places) -> None:
    folders = [
        made(places.models / kind),  # the webui's own MiDaS, the depth extension's
        made(places.root / "models" / kind),  # the depth extension's, which looks below the current folder
        made(places.models / "ControlNetPreprocessor" / kind),  # Forge's
        made(places.extensions[0] / "sd-webui-controlnet" / "annotator" / "downloads" / kind),
    ]
    found = places.depth_models()
    assert found[0] == places.models / "video3d"
    assert set(folders) <= set(found)


def test_files_beside_the_preprocessors_folders_are_found(places: Places) -> None:
    folder = made(places.models / "ControlNetPreprocessor")
    assert folder in places.depth_models()


def test_folders_that_flags_name_are_found(places: Places, tmp_path: Path) -> None:
    folder = made(tmp_path / "elsewhere" / "midas")
    assert folder in places.depth_models([tmp_path / "elsewhere"])


def test_a_folder_with_two_names_is_looked_through_once(places: Places) -> None:
    folder = made(places.models / "midas")
    places.root.mkdir()
    (places.root / "models").symlink_to(places.models, target_is_directory=True)
    found = places.depth_models()
    assert [path.resolve() for path in found].count(folder.resolve()) == 1


def test_our_own_folder_is_named_once(places: Places) -> None:
    made(places.models / "video3d")
    assert places.depth_models() == (places.models / "video3d",)


def test_work_lies_in_the_data_folder_and_in_no_hidden_one(places: Places) -> None:
    assert places.work.is_relative_to(places.data)
    assert not any(part.startswith(".") for part in places.work.relative_to(places.data).parts)


def test_results_go_where_the_user_says(places: Places, tmp_path: Path) -> None:
    default = places.data / "outputs"
    assert places.results("", default) == default
    assert places.results(" ", default) == default
    assert places.results("outputs/3d", default) == places.root / "outputs" / "3d"
    assert places.results(str(tmp_path / "films"), default) == tmp_path / "films"
