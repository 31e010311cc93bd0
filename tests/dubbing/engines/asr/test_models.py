"""Which Whisper is loaded, and that larger ones' form is understood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubbing.config import load_settings
from dubbing.engines.asr import models
from dubbing.engines.asr.whisperx import WhisperXRecognizer
from dubbing.errors import UnavailableError
from dubbing.weights.store import Store
from tests.tiny.whisper import build_whisper


class Holding(Store):
    """A store in which certain models are said to be."""

    def __init__(self, *names: str) -> None:
        super().__init__(offline=True)
        self._names = names

    def find(self, name: str) -> Path | None:
        return Path("/nowhere") / name if name in self._names else None


def test_auto_takes_the_best_that_is_here_and_that_the_machine_can_run() -> None:
    everything = Holding("whisper-base", "faster-whisper-small", "faster-whisper-large-v3-turbo",
                         "faster-whisper-large-v3", "faster-distil-whisper-large-v3")
    assert models.best(everything, has_gpu=True) == "faster-whisper-large-v3"
    assert models.best(everything, has_gpu=False) == "faster-whisper-large-v3-turbo"
    assert models.best(Holding("whisper-base", "faster-whisper-large-v3"), has_gpu=False) == "whisper-base"
    assert models.best(Holding("faster-distil-whisper-large-v3"), has_gpu=True) == "whisper-base", "English alone"


def test_short_names_stand_for_models_of_the_catalog() -> None:
    for name in models.SHORT.values():
        assert Store().entry(name).kind == "recognize"
    assert WhisperXRecognizer("turbo", store=Holding()).version == "1 faster-whisper-large-v3-turbo auto"
    assert WhisperXRecognizer("base", store=Holding()).version == WhisperXRecognizer(
        "auto", store=Holding()).version == "1 whisper-base auto"


def test_the_setting_names_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_RECOGNITION_MODEL", "large-v3")
    load_settings.cache_clear()
    try:
        assert "faster-whisper-large-v3" in WhisperXRecognizer(store=Holding()).version
    finally:
        load_settings.cache_clear()


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    assert "neither a Whisper model" in str(WhisperXRecognizer("nonsense", store=Holding()).why_unavailable())
    assert "no Whisper in CTranslate2" in str(WhisperXRecognizer(tmp_path, store=Holding()).why_unavailable())
    models.check_language("faster-distil-whisper-large-v3", "en")
    with pytest.raises(UnavailableError, match="knows en alone"):
        models.check_language("faster-distil-whisper-large-v3", "es")


def test_larger_models_ask_for_more_memory() -> None:
    base, large = (models.memory_mb(name, on_gpu=False) for name in ("whisper-base", "faster-whisper-large-v3"))
    assert 250 < base < 600 < 1500 < large < models.memory_mb("faster-whisper-large-v3", on_gpu=True)


@pytest.mark.real
def test_a_folder_in_the_form_of_large_v3_is_decoded(tmp_path: Path) -> None:
    """128 mel bands and a vocabulary of one more; untrained, so that only the form of the answer counts."""
    store = Store()
    if reason := store.why_unavailable("whisper-base"):
        pytest.skip(reason)
    folder = build_whisper(tmp_path / "tiny-v3", store.fetch("whisper-base") / "tokenizer.json")
    engine = WhisperXRecognizer(folder, alignment="attention", device="cpu")
    assert engine.why_unavailable() is None and engine.version.startswith("1 tiny-v3-")
    engine.load()
    sound = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32)
    encoded = engine._decoder.encode([sound, sound[:16000]])
    found = engine._decoder.decode(encoded, 2, "en")
    told = engine._decoder.decode_told(encoded, 2, "en", ["Siobhan", "Zorvex"])
    assert len(found) == len(told) == 2 and all(each.logprob < 0 for each in found)
    words = engine._decoder.align(encoded, [engine._decoder.spelled(each, "Hello there.", "en") for each in found],
                                  [32000, 16000], [0.0, 2.0], "en")
    assert ["".join(word.text for word in part) for part in words] == [" Hello there."] * 2


@pytest.mark.real
def test_a_name_of_the_glossary_is_heard(tmp_path: Path) -> None:
    from scipy.signal import resample_poly

    from dubbing.engines.tts.kokoro import KokoroSynthesizer

    voice, ears = KokoroSynthesizer(), WhisperXRecognizer("base", alignment="attention", device="cpu")
    for engine in (voice, ears):
        if reason := engine.why_unavailable():
            pytest.skip(reason)
    said = voice.synthesize("The Zorvex engine was built by Tavish Okonkwo.", "en", voice.voices("en")[0].id)
    sound = resample_poly(np.pad(said.sound, said.sample_rate // 2), 16000, said.sample_rate).astype(np.float32)
    without = " ".join(word.text for word in ears.transcribe(sound, language="en").words)
    given = ["Tavish Okonkwo", "Zorvex", "Marbella"]
    words = ears.transcribe(sound, language="en", names=given).words
    text = " ".join(word.text for word in words)
    assert "Zorvex" not in without and "Okonkwo" not in without
    assert "Zorvex" in text and "Tavish Okonkwo" in text and "Marbella" not in text
    assert all(a.end_ms <= b.start_ms for a, b in zip(words, words[1:], strict=False))
