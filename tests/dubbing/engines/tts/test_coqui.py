"""coqui-tts: what can be told without loading, and tiny models in the real formats spoken with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import CLONE, Cloner, Sound, imitates
from dubbing.engines.tts import coqui
from dubbing.engines.tts.coqui import CoquiSynthesizer, cut
from dubbing.engines.tts.coqui_models import Person
from dubbing.errors import DubbingError, MediaError, UnavailableError
from dubbing.weights.store import Store


def spread(sound: Sound, rate: int, words: Sequence[Sequence[str]]) -> list[Phoneme]:
    symbols = [symbol for word in words for symbol in word]
    each = len(sound) * 1000 / rate / len(symbols)
    return [Phoneme(symbol, i * each, (i + 1) * each) for i, symbol in enumerate(symbols)]


def configured(folder: Path, **values: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(values))
    return folder


@pytest.fixture
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.delenv("DUBBING_MODEL_COQUI_MODEL", raising=False)
    monkeypatch.setattr(coqui, "find_spec", lambda name: True)  # Whether coqui-tts is installed or not.
    return Store(tmp_path / "cache", offline=True)


def test_without_a_model_it_says_how_to_get_one(no_models: Store, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    engine = CoquiSynthesizer(store=no_models)
    reason = engine.why_unavailable()
    assert reason is not None and "xtts-v2" in reason and "DUBBING_MODEL_COQUI_MODEL" in reason
    assert {"en", "es", "fr", "hi"} <= set(engine.languages())
    assert [voice.id for voice in engine.voices("fr")] == [CLONE]
    monkeypatch.setenv("DUBBING_MODEL_COQUI_MODEL", str(configured(tmp_path / "own", model="xtts", languages=["pt"])))
    assert engine.why_unavailable() is None and engine.languages() == ("pt",) and engine.voices("fr") == ()
    assert isinstance(engine, Cloner)  # type: ignore[misc]


def test_nobody_is_imitated_by_auto_and_commercial_use_is_refused(no_models: Store,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    assert CoquiSynthesizer.on_request_only
    monkeypatch.setenv("DUBBING_COMMERCIAL_ONLY", "1")
    from dubbing.config import load_settings

    load_settings.cache_clear()
    try:
        reason = CoquiSynthesizer(store=Store(no_models.cache, offline=False)).why_unavailable()
    finally:
        monkeypatch.delenv("DUBBING_COMMERCIAL_ONLY")
        load_settings.cache_clear()
    assert reason is not None and "forbids commercial use" in reason


def test_without_the_package_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coqui, "find_spec", lambda name: None)
    assert "coqui-tts is not installed" in str(CoquiSynthesizer().why_unavailable())


def test_voices_of_other_models(tmp_path: Path) -> None:
    one = CoquiSynthesizer(configured(tmp_path / "one", model="vits", datasets=[{"language": "de-de"}]))
    assert one.languages() == ("de",) and [v.id for v in one.voices("de")] == ["default"]
    many = configured(tmp_path / "many", model="vits", phoneme_language="en-us",
                      model_args={"use_speaker_embedding": True, "speakers_file": "/training/speakers.json"})
    (many / "speakers.json").write_text('{"p225": 0, "p226": 1}')
    assert [v.id for v in CoquiSynthesizer(many).voices("en")] == ["p225", "p226"]


def test_whose_voice_takes_a_consent(tmp_path: Path) -> None:
    engine = CoquiSynthesizer(configured(tmp_path / "xtts", model="xtts", languages=["es"]))
    assert [imitates(engine, "es", voice) for voice in (CLONE, "clone+1.0st", "Ana", "cloned")] == [True, True, False,
                                                                                                 False]
    from dubbing.engines.tts.fake import FakeSynthesizer

    class Imitator(FakeSynthesizer):
        clones = True

    assert not imitates(FakeSynthesizer(), "es", "fake_low") and imitates(Imitator(), "es", "fake_low")


def test_long_texts_are_cut_where_they_may_be() -> None:
    text = "Uno dos tres. ¿Cuatro, cinco seis? " + "siete ocho, " * 6 + "fin."
    pieces = cut(text, 40)
    assert pieces[:2] == ["Uno dos tres.", "¿Cuatro, cinco seis?"]
    assert all(len(piece) <= 40 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert cut("x" * 90, 40) == ["x" * 40, "x" * 40, "x" * 10] and cut("... ?", 40) == []


class Stammering:
    """Makes a second of tone; the first tries of a piece are told to say something else."""

    sample_rate = 24_000

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.texts: list[str] = []

    def fits(self, text: str, language: str) -> bool:
        return len(text) <= 30

    def own(self, name: str) -> Person:
        return Person(name)

    def like(self, reference: Path) -> Person:
        return Person(reference.name, "heard")

    def say(self, text: str, language: str, person: Person, speed: float, seed: int) -> Sound:
        self.seeds.append(seed)
        self.texts.append(text)
        return (2 * np.sin(np.arange(int(24_000 / speed)) / 20)).astype(np.float32)


def speaking(tmp_path: Path, fails: int) -> tuple[CoquiSynthesizer, Stammering]:
    left = [fails]

    def hear(sound: Sound, rate: int, words: Sequence[Sequence[str]]) -> list[Phoneme]:
        left[0] -= 1
        if left[0] >= 0:
            raise MediaError("It says something else.", "Again.")
        return spread(sound, rate, words)

    engine = CoquiSynthesizer(configured(tmp_path / "model", model="xtts", languages=["es"]), hear=hear)
    model = Stammering()
    engine._model = model
    return engine, model


def test_what_does_not_say_its_text_is_said_again(tmp_path: Path) -> None:
    engine, model = speaking(tmp_path, 2)
    speech = engine.synthesize("Hola [pause] *amigo*. Adiós.", "es", "Ana")
    assert model.texts == ["Hola amigo"] * 3 + ["Adiós"] and len(set(model.seeds)) == 4
    assert np.abs(speech.sound).max() <= 0.98
    assert [p.symbol for p in speech.phonemes].count(" ") == 1  # The pause between the sentences.
    again, other = speaking(tmp_path, 2)
    again.synthesize("Hola [pause] *amigo*. Adiós.", "es", "Ana")
    assert other.seeds == model.seeds
    hopeless, stuck = speaking(tmp_path, 99)
    assert len(hopeless.synthesize("Hola.", "es", "Ana").phonemes) >= 3 and len(stuck.seeds) == coqui.TRIES


def test_a_piece_that_is_too_much_for_the_model_is_cut(tmp_path: Path) -> None:
    engine, model = speaking(tmp_path, 0)
    engine.synthesize("Una frase bastante larga, que no cabe de una vez.", "es", "Ana")
    assert model.texts == ["Una frase bastante larga,", "que no cabe de una vez"]


def test_a_reference_is_heard_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, model = speaking(tmp_path, 0)
    asked: list[Path] = []
    monkeypatch.setattr(model, "like", lambda path: asked.append(path) or Person("", "heard"))
    path = tmp_path / "reference.wav"
    soundfile.write(path, np.zeros(24_000), 24_000)
    engine.imitate("Hola.", "es", path)
    engine.imitate("Adiós.", "es", path, speed=1.2)
    soundfile.write(path, np.zeros(48_000), 24_000)
    engine.imitate("Hola.", "es", path)
    assert len(asked) == 2


def test_what_cannot_be_said_is_told(tmp_path: Path) -> None:
    engine, _ = speaking(tmp_path, 0)
    with pytest.raises(DubbingError, match="nothing to say"):
        engine.synthesize("[laughs]", "es", "Ana")
    with pytest.raises(UnavailableError, match="does not speak"):
        engine.synthesize("Bonjour.", "fr", "Ana")
    with pytest.raises(UnavailableError, match="hear them"):
        engine.synthesize("Hola.", "es", CLONE)


@pytest.mark.real
def test_a_tiny_xtts_in_the_real_format_speaks_like_whom_it_hears(tmp_path: Path) -> None:
    pytest.importorskip("TTS", reason="coqui-tts is not installed")
    from tests.tiny.xtts import SPEAKERS, build_xtts

    folder = build_xtts(tmp_path / "xtts", audio_tokens=14)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    engine = CoquiSynthesizer(folder, "cpu", hear=spread)
    # Chinese is spoken where the package that reads it is there.
    assert engine.languages() == ("en", "es", "de", *(("zh",) if find_spec("pypinyin") else ()))
    assert [voice.id for voice in engine.voices("es")] == [CLONE, *SPEAKERS]
    first = engine.synthesize("Hola, ¿qué tal?", "es", SPEAKERS[0])
    assert first.sample_rate == 24_000 and len(first.sound) > 1000 and np.isfinite(first.sound).all()
    assert np.array_equal(first.sound, engine.synthesize("Hola, ¿qué tal?", "es", SPEAKERS[0]).sound)
    assert not np.array_equal(first.sound[:2000], engine.synthesize("Hola, ¿qué tal?", "es", SPEAKERS[1]).sound[:2000])
    time = np.arange(24_000 * 7) / 24_000
    clones = []
    for pitch in (110, 220):
        path = tmp_path / f"{pitch}.wav"
        soundfile.write(path, 0.2 * np.sign(np.sin(2 * np.pi * pitch * time)) * np.sin(2 * np.pi * time) ** 2, 24_000)
        clones.append(engine.imitate("Hola.", "es", path).sound)
    assert not np.array_equal(clones[0], clones[1])
    with pytest.raises(UnavailableError, match="no speaker"):
        engine.synthesize("Hola.", "es", "Nobody")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    engine.release()
    (folder / "model.pth").write_bytes(b"damaged")
    with pytest.raises(UnavailableError, match="damaged"):
        engine.synthesize("Hola.", "es", SPEAKERS[0])


@pytest.mark.real
def test_a_tiny_vits_in_the_real_format_speaks_at_any_speed(tmp_path: Path) -> None:
    pytest.importorskip("TTS", reason="coqui-tts is not installed")
    from tests.tiny.vits import build_vits

    engine = CoquiSynthesizer(build_vits(tmp_path / "vits"), "cpu", hear=spread)
    assert engine.languages() == ("es",) and not any(voice.id == CLONE for voice in engine.voices("es"))
    natural, fast = (engine.synthesize("Hola, qué tal estás.", "es", "default", speed=speed) for speed in (1.0, 1.6))
    assert natural.sample_rate == 22_050 and len(fast.sound) < 0.8 * len(natural.sound)
    with pytest.raises(UnavailableError, match="no ear for voices"):
        engine.imitate("Hola.", "es", tmp_path / "vits" / "config.json")
