"""Listening with Whisper's encoder: the same words at the same times, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_core.speech.align import align
from lipsync_core.speech.articulation import articulate
from lipsync_core.speech.listen import listen
from lipsync_core.speech.network import PhoneNetwork, WeightsError
from lipsync_core.speech.sound import RATE
from lipsync_core.speech.whisper_ears import WhisperEar, log_mel, whisper_network
from tests.lipsync_core.speech.test_align import stored, words_of


@pytest.fixture(scope="module")
def network() -> PhoneNetwork:
    from dubbing.weights.store import Store

    return whisper_network(Path(Store().fetch("whisper-base")), threads=1)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        WhisperEar(tmp_path)


def test_the_spectrogram_has_whispers_form_and_finds_a_tone() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(30 * RATE) / RATE).astype(np.float32)
    mel = log_mel(tone)
    assert mel.shape == (80, 3000) and mel.dtype == np.float32
    # Slaney's scale has its 15th mel at 1000 Hz: the 26th of 80 bands up to 8 kHz.
    assert set(mel[:, 100:2900].argmax(0)) <= {25, 26} and mel.max() - mel.min() == pytest.approx(2.0, abs=1e-3)


@pytest.mark.real
@pytest.mark.parametrize("name", ["english", "spanish"])
def test_stored_speech_is_aligned_and_heard(network: PhoneNetwork, name: str) -> None:
    sound, truth = stored(name)
    heard = network.hear(sound, RATE)
    assert len(heard.logp) == -(-len(sound) // 160)
    wanted, got = ([p for p in phones if p.symbol != " "]
                   for phones in (truth, align(sound, RATE, words_of(truth), network=network)))
    errors = np.abs([a.start_ms - b.start_ms for a, b in zip(wanted, got, strict=True)])
    assert np.median(errors) <= 20 and np.mean(errors <= 40) >= 0.85
    found = listen(sound, RATE, network=network)
    times = np.arange(0, truth[-1].end_ms, 20.0)
    one, other = (articulate(p, times, align_to_sound=False).opening for p in (truth, found))
    centres = np.array([(p.start_ms + p.end_ms) / 2 for p in found if p.symbol in ("p", "b", "m")])
    hits = [np.abs(centres - (p.start_ms + p.end_ms) / 2).min() <= 40 for p in truth if p.symbol[0] in "pbm"]
    assert np.mean(hits) >= 0.8
    assert np.corrcoef(one, other)[0, 1] > 0.7


@pytest.mark.real
def test_a_sound_longer_than_a_window_is_heard_without_a_seam(network: PhoneNetwork) -> None:
    sound, _ = stored("english")
    quiet = np.zeros(24 * RATE, np.float32)
    # The words lie over the border at 26 s.
    late = network.hear(np.concatenate([quiet, sound, quiet[:RATE]]), RATE).logp[2400: 2400 + len(sound) // 160]
    alone = network.hear(sound, RATE).logp[: len(sound) // 160]
    assert np.mean(late.argmax(1) == alone.argmax(1)) > 0.85
