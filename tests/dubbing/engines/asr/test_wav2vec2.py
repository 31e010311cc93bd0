"""Forced alignment on a small untrained CTC model that is built here and saved in the real format."""

from __future__ import annotations

import numpy as np
import pytest

from dubbing.engines.asr.wav2vec2 import Aligner
from tests.tiny.wav2vec2 import build_aligner


@pytest.fixture(scope="module")
def aligner(tmp_path_factory: pytest.TempPathFactory) -> Aligner:
    return Aligner(build_aligner(tmp_path_factory.mktemp("align")))


def test_every_word_gets_times_in_order_numbers_too(aligner: Aligner) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 16000 * 4).astype(np.float32)
    timed = aligner.align(["In", "1984,", "we're", "home", "—"], sound, 10.0)
    assert timed is not None and [word.text for word in timed] == ["In", "1984,", "we're", "home", "—"]
    assert timed[4].start is None, "a dash has no sound: its time comes from its neighbours"
    spoken = timed[:4]
    for word in spoken:
        assert word.start is not None and word.end is not None and 10.0 <= word.start < word.end <= 14.05
    assert all(before.end <= after.start for before, after in zip(spoken, spoken[1:], strict=False))


def test_what_cannot_be_laid_onto_the_sound_is_refused(aligner: Aligner) -> None:
    assert aligner.align(["…"], np.zeros(16000, np.float32), 0.0) is None
    assert aligner.align(["supercalifragilistic"] * 5, np.zeros(1600, np.float32), 0.0) is None
