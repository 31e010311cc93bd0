"""Made-up trees of every data set are read as the data sets lie."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsync_core.train.data.layouts import VIDEOS, LayoutError, Source, detect, find_sources, sources_of

LRS2 = ("main/5535415699068794046/00001.mp4", "main/5535415699068794046/00002.mp4",
        "main/6330311066473698535/00011.mp4", "pretrain/5535415699068794046/00007.mp4")
LRS3 = ("trainval/0Fi83BHQsMA/50001.mp4", "pretrain/0Fi83BHQsMA/00001.mp4", "test/0af00UcTOSc/50002.mp4")
VOX2 = ("dev/mp4/id00012/21Uxsk56VDQ/00001.mp4", "dev/mp4/id00012/2DLq_Kkc1r8/00016.mp4",
        "dev/mp4/id00015/3dY0GcSgLqA/00001.mp4", "test/mp4/id00017/01dfn2spqyE/00001.mp4")
HDTF = ("RD_Radio1_000.mp4", "RD_Radio10_000.mp4", "WDA_BarackObama_000.mp4", "WDA_BarackObama_001.mp4",
        "WRA_LamarAlexander0_003.mp4", "WRA_LamarAlexander_000.mp4")
PLAIN = ("person_00001/00.mp4", "person_00001/01.mov", "person_00002/deep/00.mkv", "alone.webm")
FOREIGN = ("main/5535415699068794046/00001.txt", "readme.md", "dev/aac/list.csv", ".hidden/00.mp4")


def tree(root: Path, *paths: str) -> Path:
    for path in (*paths, *FOREIGN):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def people(sources: list[Source]) -> dict[str, str]:
    return {source.name.split("/", 1)[1]: source.person for source in sources}


def test_lrs2_programmes_stand_for_people(tmp_path: Path) -> None:
    found = sources_of(tree(tmp_path / "mvlrs_v1", *LRS2))
    assert people(found) == {path: path.split("/")[1] for path in LRS2}
    assert {s.official for s in found} == {""}
    assert found == sources_of(tmp_path / "mvlrs_v1", "lrs2")


def test_lrs3_keeps_its_own_test(tmp_path: Path) -> None:
    found = sources_of(tree(tmp_path / "lrs3", *LRS3))
    assert people(found) == {path: path.split("/")[1] for path in LRS3}
    assert {s.person for s in found if s.official == "test"} == {"0af00UcTOSc"}
    assert found == sources_of(tmp_path / "lrs3", "lrs3")


def test_voxceleb_finds_the_sound_in_the_tree_beside(tmp_path: Path) -> None:
    sound = "dev/aac/id00012/21Uxsk56VDQ/00001.m4a"
    found = sources_of(tree(tmp_path / "vox2", *VOX2, sound))
    assert people(found) == {path: path.split("/")[2] for path in VOX2}
    assert [s.sound for s in found if s.sound] == [(tmp_path / "vox2" / sound).resolve()]
    assert [s.person for s in found if s.official] == ["id00017"]
    inner = sources_of(tmp_path / "vox2" / "dev" / "mp4")
    assert {s.person for s in inner} == {"id00012", "id00015"}
    assert sum(s.sound is not None for s in inner) == 1, "also when only the pictures' tree is named"
    assert {s.person for s in sources_of(tmp_path / "vox2" / "dev" / "mp4" / "id00012")} == {"id00012"}


def test_hdtf_names_tell_the_person(tmp_path: Path) -> None:
    assert people(sources_of(tree(tmp_path / "HDTF", *HDTF))) == {
        "RD_Radio1_000.mp4": "Radio1", "RD_Radio10_000.mp4": "Radio10", "WDA_BarackObama_000.mp4": "BarackObama",
        "WDA_BarackObama_001.mp4": "BarackObama", "WRA_LamarAlexander0_003.mp4": "LamarAlexander",
        "WRA_LamarAlexander_000.mp4": "LamarAlexander"}


def test_plain_folders_are_people_and_a_sound_beside_a_video_is_its_sound(tmp_path: Path) -> None:
    found = sources_of(tree(tmp_path / "mine", *PLAIN, "person_00001/00.wav"))
    assert people(found) == {"person_00001/00.mp4": "person_00001", "person_00001/01.mov": "person_00001",
                             "person_00002/deep/00.mkv": "person_00002", "alone.webm": "alone"}
    assert [s.name for s in found if s.sound] == ["mine/person_00001/00.mp4"]


def test_a_named_layout_leaves_out_what_does_not_fit(tmp_path: Path) -> None:
    root = tree(tmp_path / "both", *HDTF, "other/film.mp4")
    assert len(sources_of(root, "hdtf")) == len(HDTF)
    with pytest.raises(LayoutError, match="no layout"):
        sources_of(root, "lrs4")


def test_several_roots_come_in_one_order_and_need_names_of_their_own(tmp_path: Path) -> None:
    one, two = tree(tmp_path / "b", *PLAIN), tree(tmp_path / "a", *LRS3)
    names = [s.name for s in find_sources([one, two])]
    assert names == sorted(names) == [s.name for s in find_sources([two, one])]
    with pytest.raises(LayoutError, match="two sources are called b"):
        find_sources([one, tree(tmp_path / "x" / "b", *PLAIN)])


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError, match="holds no video"):
        sources_of(tmp_path / "empty")
    with pytest.raises(LayoutError, match="neither a folder nor a file"):
        sources_of(tmp_path / "missing")


@settings(max_examples=40)
@given(st.lists(st.lists(st.from_regex(re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_ .#-]{0,12}"), fullmatch=True), min_size=1,
                         max_size=4), min_size=1, max_size=8), st.sampled_from(VIDEOS))
def test_any_names_at_all_give_a_layout(names: list[list[str]], suffix: str) -> None:
    paths = [PurePosixPath(*parts[:-1], parts[-1] + suffix) for parts in names]
    assert detect(paths) in ("lrs2", "lrs3", "voxceleb", "hdtf", "plain")
