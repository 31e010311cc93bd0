"""The stage that translates: one artifact a line, several lines a call, and no more asked than is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dubbing.domain.translation import Brief, Budget, Candidate, TermRule
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.fake import FakeTranslator
from dubbing.errors import UnavailableError
from dubbing.pipeline.artifact import Artifact, ArtifactStore
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import translate
from dubbing.pipeline.stages.sound import MONO

BRIEF = Brief("es", "en")
LINES = [translate.TextLine(f"u{number}", f"Línea {number}.", number * 1000, number * 1000 + 900)
         for number in range(5)]
NO_SOUND = Artifact("none", Path("nowhere"), {})


class Scripted(FakeTranslator):
    """Notes what it is asked; dies at the calls that it is told to."""

    def __init__(self, dies_at: Sequence[int] = ()) -> None:
        self.calls: list[list[str]] = []
        self.requests: list[TranslationRequest] = []
        self.dies_at = dies_at

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Any = None,
                   ) -> list[tuple[Candidate, ...]]:
        self.calls.append([request.text for request in requests])
        self.requests += requests
        if len(self.calls) in self.dies_at:
            raise KeyboardInterrupt
        return [(Candidate(f"{brief.target} {one.text}", 0.7, self.id),) for one in requests]


class Listening(Scripted):
    needs_sound = True


def run(engine: Any, lines: Sequence[translate.TextLine], store: ArtifactStore, sound: Artifact = NO_SOUND,
        **more: Any) -> list[tuple[Candidate, ...]]:
    steps = translate.steps(engine, sound, lines, BRIEF, wanted=3, is_done=lambda key: store.find(key) is not None,
                            **more)
    return [translate.load_candidates(artifact) for artifact in Runner(store).run_each(steps)]


def test_a_batch_is_one_call_and_every_line_an_artifact(tmp_path: Path) -> None:
    engine, store = Scripted(), ArtifactStore(tmp_path)
    found = run(engine, LINES, store)
    assert [one[0].text for one in found] == [f"en Línea {number}." for number in range(5)]
    assert len(engine.calls) == 1
    run(engine, LINES, store)
    assert len(engine.calls) == 1
    changed = [*LINES[:2], replace(LINES[2], text="Otra."), *LINES[3:]]
    run(engine, changed, store)
    assert engine.calls[1:] == [["Otra."]]


def test_what_is_killed_loses_its_batch_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translate, "BATCH_LINES", 2)
    engine, store = Scripted(dies_at=[2]), ArtifactStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(engine, LINES, store)
    assert run(engine, LINES, store)[4][0].text == "en Línea 4."
    assert engine.calls == [["Línea 0.", "Línea 1."], ["Línea 2.", "Línea 3."], ["Línea 2.", "Línea 3."],
                            ["Línea 4."]]


def test_what_stands_around_a_line_helps_and_does_not_make_it_another(tmp_path: Path) -> None:
    engine, store = Scripted(), ArtifactStore(tmp_path)
    run(engine, [replace(LINES[0], before=("Antes.",), examples=(("a", "b"),))], store)
    run(engine, [replace(LINES[0], before=("Otra cosa.",))], store)
    assert len(engine.calls) == 1 and engine.requests[0].before == ("Antes.",)
    for number, other in enumerate((replace(LINES[0], terms=(TermRule("línea", "line"),)),
                                    replace(LINES[0], budget=Budget(1, 2, 900, 900)))):
        run(engine, [other], store)
        assert len(engine.calls) == 2 + number


def test_who_listens_is_given_the_sound_of_one_line_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    soundfile.write(tmp_path / "sound" / MONO, np.zeros(16_000 * 6, np.float32), 16_000, subtype="PCM_16")
    sound, engine = Artifact("s", tmp_path / "sound", {}), Listening()
    store = ArtifactStore(tmp_path / "store")
    run(engine, LINES, store, sound, must_be_sure=True)
    assert len(engine.calls) == 5 and all(one.must_be_sure for one in engine.requests)
    assert engine.requests[1].sound_16k is not None
    assert len(engine.requests[1].sound_16k) == 16 * (900 + 2 * translate.MARGIN_MS)
    run(engine, [replace(LINES[0], budget=Budget(1, 2, 3, 4))], store, sound, must_be_sure=True)
    assert len(engine.calls) == 5                # it does not read budgets
    run(engine, [replace(LINES[0], start_ms=50)], store, sound, must_be_sure=True)
    assert len(engine.calls) == 6


def test_an_engine_of_before_gives_its_only_text(tmp_path: Path) -> None:
    class Older:
        id, version, licence, is_fake, needs_sound = "older", "1", "", False, False

        def load(self) -> None:
            return None

        def release(self) -> None:
            return None

        def translate(self, request: TranslationRequest, source: str, target: str) -> str:
            return "" if "1" in request.text else " Line. "

    found = run(Older(), LINES[:2], ArtifactStore(tmp_path))
    assert found == [(Candidate("Line.", translate.UNSTATED, "older"),), ()]


def test_texts_are_rewritten_in_batches_too(tmp_path: Path) -> None:
    asked: list[Any] = []

    class Rewriting(Scripted):
        rewrites = True

        def rewrite(self, requests: Any, brief: Brief, report: Any = None) -> list[tuple[Candidate, ...]]:
            asked.append([text for _, text in requests])
            return [(Candidate(text[:4], 0.6, self.id),) for _, text in requests]

    store, engine = ArtifactStore(tmp_path), Rewriting()
    assert translate.rewriter_of(engine) is engine and translate.rewriter_of(Scripted()) is None
    for _ in range(2):
        steps = translate.rewrite_steps(engine, [(LINES[0], "Too long."), (LINES[1], "Too short.")], BRIEF, wanted=2,
                                        is_done=lambda key: store.find(key) is not None)
        found = [translate.load_candidates(one) for one in Runner(store).run_each(steps)]
    assert [one[0].text for one in found] == ["Too ", "Too "] and asked == [["Too long.", "Too short."]]


def test_no_server_is_told_as_it_is(tmp_path: Path) -> None:
    class Gone(Scripted):
        def candidates(self, *_: Any) -> list[tuple[Candidate, ...]]:
            raise UnavailableError("The server is gone.", "Start it.")

    with pytest.raises(UnavailableError):
        run(Gone(), LINES, ArtifactStore(tmp_path))
