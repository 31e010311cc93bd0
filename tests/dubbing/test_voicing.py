"""Who speaks a line and how: in the original's phrases, as it was said, imitated only with consent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from dubbing.api import Workspace
from dubbing.domain.project import Project
from dubbing.domain.speech import SpokenLine, Word
from dubbing.engines.base import CLONE, Speech, Voice
from dubbing.engines.tts.fake import FakeSynthesizer
from dubbing.errors import UsageError
from dubbing.localize import Dub
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import profile, prosody, separate, synthesize
from dubbing.pipeline.voice_match import SpeakerProfile
from dubbing.team.consent import Allowance
from dubbing.voicing import Voicing, measured
from tests.dubbing.team.desks import workspace_in

RATE = 16_000
#: "Uno dos" and, after 600 ms, "tres cuatro cinco": when each word is said.
WORDS = (Word("Uno", 500, 800), Word("dos.", 820, 1200), Word("Tres", 1800, 2100), Word("cuatro", 2120, 2500),
         Word("cinco.", 2520, 3000))


class Imitator(FakeSynthesizer):
    """Speaks in the voice of whom it is shown, or in its own."""

    id = "imitator"  # type: ignore[misc]
    clones = True

    def __init__(self) -> None:
        self.shown: list[Path] = []

    def voices(self, language: str) -> tuple[Voice, ...]:
        return (Voice(CLONE, (language,), "unknown", 0.0), *super().voices(language))

    def imitate(self, text: str, language: str, reference: Path, *, speed: float = 1.0) -> Speech:
        self.shown.append(reference)
        return self.synthesize(text, language, "fake_low", speed=speed)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def project(workspace: Workspace) -> Project:
    """One line with a pause in it, translated into English."""
    made = workspace.storage.projects.create("A film", "film.mp4", source_sha256="0" * 64,
                                             media={"duration_ms": 20_000}, source_language="es", targets=["en"],
                                             settings={})
    workspace.storage.utterances.import_lines(made.id, [SpokenLine("S1", "Uno dos. Tres cuatro cinco.", 500, 3000,
                                                                   WORDS)])
    workspace.storage.translations.save_machine(made.id, "u0001", "en", "One two. Three four five.", engine="fake",
                                                source_revision=1)
    return made


@pytest.fixture
def voicing(workspace: Workspace, project: Project, tmp_path: Path,
            monkeypatch: pytest.MonkeyPatch) -> Callable[..., Voicing]:
    """The voicing of the project with an engine; the speaker is heard as tones where the words are, 12 s in all."""
    heard = np.zeros(20 * RATE, np.float32)
    for start, end in [*((w.start_ms, w.end_ms) for w in WORDS), (4000, 12_000)]:
        time = np.arange((end - start) * RATE // 1000) / RATE
        heard[start * RATE // 1000:][: len(time)] = 0.3 * sum(
            np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 12))
    folder = tmp_path / "source"
    folder.mkdir()
    soundfile.write(folder / separate.SPEECH, heard, RATE)
    soundfile.write(folder / separate.MUSIC_AND_EFFECTS, np.zeros(20 * RATE, np.float32), RATE)
    known = SpeakerProfile(120.0, 4.0, 1.0, "male", -20.0)
    (folder / profile.PROFILES).write_text(json.dumps({"S1": asdict(known)}))

    def made(engine: Any, allowed: bool = True, **options: Any) -> Voicing:
        monkeypatch.setattr("dubbing.registry.choose", lambda kind, wanted="auto", **_: engine)
        source = SimpleNamespace(media=SimpleNamespace(duration_ms=20_000), separated=Artifact("s", folder, {}),
                                 profiles=Artifact("p", folder, {}))
        storage = workspace.storage
        dub = Dub("en", translations=storage.translations.all(project.id, "en"))
        return Voicing(storage, project, DubOptions(targets=("en",), **options), source,  # type: ignore[arg-type]
                       Runner(workspace.artifacts), dub, storage.utterances.all(project.id),
                       {one.id: one for one in storage.speakers.all(project.id)},
                       Allowance(not allowed, date(2026, 1, 1)))

    return made


def test_a_take_pauses_where_the_original_does(voicing: Callable[..., Voicing], workspace: Workspace,
                                               project: Project) -> None:
    at = voicing(FakeSynthesizer())
    takes = at.run()
    ((pause_ms, again_ms),) = takes["u0001"].facts["pauses"]
    assert again_ms == 1800 - 500 and pause_ms < again_ms - 250
    assert at._dub.fit_measured == measured(workspace.storage.utterances.all(project.id), takes) == {
        "lines": 1, "in_window": 1, "tolerable": 0, "pressed": 0, "borrowed": 0, "pauses": 1, "pauses_kept": 1,
        "onset_ms_median": takes["u0001"].facts["onset_ms"], "stretched": 0, "stretch_spectral_db": None}
    kept = workspace.storage.takes.chosen(project.id, "en")["u0001"]
    assert kept.details["spoken"] == "One two. Three four five." and kept.tempo == takes["u0001"].facts["tempo"]
    assert at.run()["u0001"].key == takes["u0001"].key
    assert workspace.storage.takes.chosen(project.id, "en")["u0001"].id == kept.id


def test_prosody_is_followed_where_it_is_asked_for(voicing: Callable[..., Voicing]) -> None:
    followed = voicing(FakeSynthesizer()).run()["u0001"]
    plain = voicing(FakeSynthesizer(), prosody=False).run()["u0001"]
    assert followed.key != plain.key
    assert len(synthesize.load_take(followed)[0]) == len(synthesize.load_take(plain)[0])


def test_who_is_imitated_has_consented(voicing: Callable[..., Voicing], workspace: Workspace,
                                       project: Project) -> None:
    engine = Imitator()
    takes = voicing(engine).run()
    assert engine.shown and {path.name for path in engine.shown} == {"reference.wav"}
    assert workspace.storage.takes.chosen(project.id, "en")["u0001"].voice == CLONE
    with pytest.raises(UsageError, match="No consent to clone the voice of S1"):
        voicing(engine, allowed=False).run()
    own, _ = voicing(engine, allowed=False).take("u0001", voice="fake_high")
    assert own.voice == "fake_high" and own.artifact_key != takes["u0001"].key


def test_engines_are_chosen_by_language(voicing: Callable[..., Voicing], monkeypatch: pytest.MonkeyPatch) -> None:
    at = voicing(FakeSynthesizer(), synthesizer="kokoro", by_language={"en": {"synthesizer": "fake"}})
    asked: list[str] = []
    monkeypatch.setattr("dubbing.registry.choose",
                        lambda kind, wanted="auto", **_: asked.append(wanted) or FakeSynthesizer())
    at.run()
    assert asked == ["fake"]


def test_how_a_line_was_said_does_not_depend_on_words_outside_it(voicing: Callable[..., Voicing]) -> None:
    separated, known = voicing(FakeSynthesizer())._source.separated, SpeakerProfile(120.0, 4.0, 1.0, "male", -20.0)
    words = [(w.start_ms, w.end_ms) for w in WORDS]
    assert prosody.step(separated, 500, 1500, words, known).key == \
        prosody.step(separated, 500, 1500, words[:2], known).key
