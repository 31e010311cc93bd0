"""From files to a judgement, with and without an original, and the page that shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync_core.metrics.album import Album
from lipsync_core.metrics.judge import JudgeError, judge
from lipsync_core.metrics.judgement import BAR_OF, Judgement
from lipsync_core.metrics.report import WIDTH, write_report
from lipsync_core.metrics.speech import sound_correlation, wanted_from, wanted_of
from lipsync_core.speech.articulation import articulate
from tests.lipsync_core.metrics import damage
from tests.lipsync_core.metrics.conftest import SAMPLES, Studio

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def alone(studio: Studio) -> tuple[Judgement, Album]:
    """The sample judged without an original, by its own sound; the ear is the truth's own timeline."""
    album = Album()
    line = studio.line
    phones = [type(p)(symbol=p.symbol, start_ms=p.start_ms + line.start_ms, end_ms=p.end_ms + line.start_ms)
              for p in line.phonemes]
    found = judge(studio.original, studio.models, audio=SAMPLES / "es_solo.mp4", album=album,
                  listen=lambda _sound, _rate: articulate(phones, np.arange(0.0, 3000.0, 10.0)))
    return found, album


def test_alone_a_file_is_judged_by_its_sound_and_the_rest_is_named(alone: tuple[Judgement, Album]) -> None:
    found, album = alone
    assert found.values["closure_hits"] >= 0.95 and found.values["opening_r"] > 0.85
    assert found.values["motion_r"] > 0.2
    assert set(found.omitted) >= {"seam_ratio", "identity_ratio", "outside_psnr_db", "sharpness_ratio"}
    assert len(album.strips) == found.frames == 75
    assert all(before is None for before, _ in album.strips.values())


def test_without_text_and_ear_only_motion_is_measured(studio: Studio) -> None:
    found = judge(studio.original, studio.models, audio=SAMPLES / "es_solo.mp4", listen=None)
    assert "motion_r" in found.values and "closure_hits" not in found.values
    assert "opening_r" in found.omitted


def test_files_that_do_not_belong_together_are_refused(studio: Studio, tmp_path: Path) -> None:
    small = damage.write(tmp_path / "small.mp4", [cv2.resize(p, (320, 180)) for p in studio.pictures[:6]])
    with pytest.raises(JudgeError, match="differ in size"):
        judge(small, studio.models, reference=studio.original, source=studio.source, listen=None)
    short = damage.write(tmp_path / "short.mp4", studio.pictures[:6])
    with pytest.raises(JudgeError, match="differ in length"):
        judge(short, studio.models, reference=studio.original, source=studio.source, listen=None)


def test_a_judgement_is_json_without_nan(alone: tuple[Judgement, Album], right: Judgement) -> None:
    for found in (alone[0], right):
        text = json.dumps(found.as_dict(), allow_nan=False)
        assert json.loads(text)["summary"]["frames"] == 75
        assert set(found.passed) <= set(BAR_OF)


def test_the_page_shows_figures_curves_and_pictures(alone: tuple[Judgement, Album], tmp_path: Path) -> None:
    write_report(*alone, html=tmp_path / "r.html", png=tmp_path / "r.png", title="A <dub>", subtitle="sample")
    html = (tmp_path / "r.html").read_text()
    assert "A &lt;dub&gt;" in html and "Closures hit" in html and "Not measured" in html
    # One file: nothing is fetched.
    assert not re.search(r"(?:src|href)=\"(?!data:)", html) and html.count("data:image/jpeg") >= 6
    picture = cv2.imread(str(tmp_path / "r.png"))
    assert picture.shape[1] == WIDTH and picture.shape[0] > 700
    # Every closure that was hit has its green mark.
    green = (np.abs(picture.astype(int) - (0x55, 0x9D, 0x1F)).sum(2) < 12).sum()
    assert green > 20 * alone[0].closures
    assert not list(tmp_path.glob("*.part"))


def test_a_page_can_be_made_of_nothing(studio: Studio, tmp_path: Path) -> None:
    blank = damage.write(tmp_path / "blank.mp4", [np.full((180, 320, 3), 90, np.uint8)] * 8)
    found = judge(blank, studio.models, listen=None)
    assert found.frames == 0 and "closure_hits" in found.omitted
    write_report(found, Album(), html=tmp_path / "r.html", png=tmp_path / "r.png")
    assert "never in view" in (tmp_path / "r.html").read_text()


def test_a_heard_articulation_asks_for_the_same_as_its_phonemes(studio: Studio) -> None:
    times = np.arange(0.0, 2400.0, 10.0)
    spelt = wanted_of(studio.line.phonemes)
    heard = wanted_from(articulate(studio.line.phonemes, times))
    at = np.arange(0.0, 2300.0, 40.0)
    assert np.corrcoef(spelt.at(at).opening, heard.at(at).opening)[0, 1] > 0.97
    assert len(heard.closures_ms) == len(spelt.closures_ms)
    np.testing.assert_allclose(heard.closures_ms, spelt.closures_ms, atol=10)


@pytest.mark.parametrize("late_ms", [0.0, 80.0])
def test_motion_finds_the_sound_and_its_lag(late_ms: float) -> None:
    random = np.random.default_rng(3)
    syllables = np.repeat(random.uniform(0, 1, 40) * (random.uniform(0, 1, 40) > 0.3), 2400)
    sound = (syllables * random.normal(0, 0.1, len(syllables))).astype(np.float32)
    times = np.arange(0, 6000.0, 40.0)
    at = np.clip(((times - late_ms) * 16).astype(int), 0, len(sound) - 1)
    r, lag = sound_correlation(times, syllables[at], sound)
    assert r > 0.6 and abs(lag - late_ms) <= 30
    other, _ = sound_correlation(times, syllables[at][::-1].copy(), sound)
    assert other < r - 0.2
