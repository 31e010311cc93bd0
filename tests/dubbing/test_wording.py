"""What lines say: people first, then the memory, then what translators offer, weighed against the line's time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dubbing.api import Workspace
from dubbing.domain.project import Project, Translation
from dubbing.domain.review import Layer, ReviewState
from dubbing.domain.speech import SpokenLine
from dubbing.domain.translation import Brief, Candidate
from dubbing.domain.workspace import ForbiddenTerm, Term
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.fake import FakeTranslator
from dubbing.errors import UnavailableError
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.wording import Worded, Wording
from tests.dubbing.team.desks import workspace_in

LONG = "I am going to the harbour in order to look at the boats that are there."
SHORT = "I'm off to the harbour to see the boats."


class Engine(FakeTranslator):
    """Answers from a table of source text -> candidates; what is not in it, it does not know."""

    is_fake = False

    def __init__(self, name: str, table: dict[str, Sequence[tuple[str, float]]]) -> None:
        self.id, self.table = name, table  # type: ignore[misc]
        self.asked: list[TranslationRequest] = []

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Any = None,
                   ) -> list[tuple[Candidate, ...]]:
        self.asked += requests
        return [tuple(Candidate(text, meaning, self.id, "" if rank == 0 else "2nd")
                      for rank, (text, meaning) in enumerate(self.table.get(request.text, ())))
                for request in requests]


class Unsure(Engine):
    """Says nothing while it has to be sure."""

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Any = None,
                   ) -> list[tuple[Candidate, ...]]:
        found = super().candidates(requests, brief)
        return [() if request.must_be_sure else one for request, one in zip(requests, found, strict=True)]


class Gone(Engine):
    def candidates(self, *_: Any) -> list[tuple[Candidate, ...]]:
        raise UnavailableError("The server does not answer.", "Start it.")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def translate(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Worded]:
    """Run the wording of a project with these engines, "auto" choosing among them in this order; with ``naturals``,
    reconsider what it did."""

    def run(project: Project, *engines: Engine, naturals: Any = None, **options: Any) -> Worded | None:
        is_free = options.setdefault("translator", "auto") == "auto"
        monkeypatch.setattr("dubbing.registry.choose_translator", lambda *_: engines[0])
        monkeypatch.setattr("dubbing.registry.translators", lambda *_: list(engines) if is_free else [])
        monkeypatch.setattr("dubbing.registry.why_not_better", lambda *_: [])
        source = SimpleNamespace(language="es", media=SimpleNamespace(duration_ms=60_000),
                                 sound=Artifact("s", Path("nowhere"), {}))
        storage = workspace.storage
        wording = Wording(storage, project, DubOptions(targets=("en",), source="es", **options), source,
                          Runner(workspace.artifacts), "en", storage.utterances.all(project.id))
        return wording.run() if naturals is None else wording.reconsider(naturals)

    return run


def project_of(workspace: Workspace, *lines: tuple[str, int, int]) -> Project:
    made = workspace.storage.projects.create("A film", "film.mp4", source_sha256="0" * 64,
                                             media={"duration_ms": 60_000}, source_language="es", targets=["en"],
                                             settings={})
    workspace.storage.utterances.import_lines(made.id, [SpokenLine("S1", text, start, end)
                                                        for text, start, end in lines])
    return made


def only(worded: Worded) -> Translation:
    (translation,) = worded.translations.values()
    return translation


def test_of_several_texts_the_one_that_fits_is_taken_and_the_rest_is_kept(workspace: Workspace,
                                                                          translate: Callable[..., Worded]) -> None:
    project = project_of(workspace, ("Voy al puerto a ver los barcos.", 0, 2300))
    worded = translate(project, Engine("a", {"Voy al puerto a ver los barcos.": [(LONG, 0.8), (SHORT, 0.75)]}))
    chosen = only(worded)
    assert (chosen.text, chosen.engine, chosen.details["chosen"]) == (SHORT, "a", "fit")
    assert chosen.details["first"]["text"] == LONG and chosen.details["first"]["tempo"] > 1.2
    told = chosen.details["candidates"]
    assert told[0]["text"] == SHORT and LONG in [one["text"] for one in told] and len(told) <= 6
    assert told == sorted(told, key=lambda one: -one["total"])
    assert worded.fit_report == {"lines": 1, "in_window_before": 0, "in_window_after": 1}


def test_rules_reword_what_nobody_says_in_time(workspace: Workspace, translate: Callable[..., Worded]) -> None:
    project = project_of(workspace, ("Hola, me llamo Pablo.", 0, 1200))
    chosen = only(translate(project, Engine("a", {"Hola, me llamo Pablo.": [("Hello, my name is Pablo.", 0.9)]})))
    assert chosen.text in ("Hello, I'm Pablo.", "Hi, I'm Pablo.", "Hi, my name is Pablo.")
    assert chosen.details["candidates"][0]["how"] and chosen.details["first"]["text"] == "Hello, my name is Pablo."


def test_what_takes_show_not_to_fit_is_worded_again_once(workspace: Workspace,
                                                          translate: Callable[..., Any]) -> None:
    engine = Engine("a", {"Sí.": [("Yes, of course.", 0.8)], "Barcos.": [
        ("The boats are lying in the harbour.", 0.8), ("Boats lie in the harbour.", 0.75)]})
    project = project_of(workspace, ("Barcos.", 0, 2000), ("Sí.", 2500, 3200))
    first = translate(project, engine).translations
    assert first["u0001"].text == "The boats are lying in the harbour."
    fine = {"u0001": 2000.0, "u0002": 700.0}
    assert translate(project, engine, naturals=fine) is None
    workspace.storage.reviews.move(project.id, ["u0001"], Layer.DUB, ReviewState.APPROVED, language="en",
                                   on_the_way=True)
    assert translate(project, engine, naturals={"u0001": 2700.0}) is None
    workspace.storage.reviews.move(project.id, ["u0001"], Layer.DUB, ReviewState.CHANGES_REQUESTED, language="en")
    again = translate(project, engine, naturals={"u0001": 2700.0, "u0002": 700.0})
    assert again.translations["u0001"].text == "Boats lie in the harbour."
    assert again.translations["u0001"].details["measured_ms"] == 2700
    assert again.translations["u0002"] == first["u0002"]
    assert translate(project, engine, naturals={"u0001": 900.0, "u0002": 700.0}) is None
    assert translate(project, engine).translations == again.translations


def test_what_can_rewrite_is_asked_with_the_budget(workspace: Workspace, translate: Callable[..., Worded]) -> None:
    class Rewriting(Engine):
        rewrites = True

        def rewrite(self, requests: Any, brief: Brief, report: Any = None) -> list[tuple[Candidate, ...]]:
            self.budgets = [request.budget for request, _ in requests]
            return [(Candidate("Boats lie in the harbour.", 0.8, self.id, "rewritten"),) for _ in requests]

    engine = Rewriting("llm", {"Barcos.": [("The boats are lying in the harbour over there, all of them.", 0.8)]})
    chosen = only(translate(project_of(workspace, ("Barcos.", 0, 1600)), engine))
    assert chosen.text == "Boats lie in the harbour."
    assert engine.budgets[0].slot_ms == 1600 and 4 <= engine.budgets[0].syllables_high <= 9


def test_a_second_run_asks_nobody_and_changes_nothing(workspace: Workspace,
                                                      translate: Callable[..., Worded]) -> None:
    engine = Engine("a", {"Uno.": [("First.", 0.8)], "Otro.": [("Another.", 0.8)]})
    project = project_of(workspace, ("Uno.", 0, 700), ("Otro.", 1000, 1700))
    first = translate(project, engine)
    asked = len(engine.asked)
    assert translate(project, engine).translations == first.translations and len(engine.asked) == asked
    line = workspace.storage.utterances.all(project.id)[1]
    workspace.storage.line_edits.save(project.id, "", line.id, values={"text": "Uno."}, target=None,
                                      seen_revision=line.revision, seen_translation=None, actor="p")
    again = translate(project, engine)
    assert [one.text for one in again.translations.values()] == ["First.", "First."]
    assert again.translations["u0001"] == first.translations["u0001"]


def test_a_persons_text_and_what_is_approved_stay(workspace: Workspace, translate: Callable[..., Worded]) -> None:
    engine = Engine("a", {"Uno.": [("First.", 0.8)], "Otro.": [("Another.", 0.8)]})
    project = project_of(workspace, ("Uno.", 0, 700), ("Otro.", 1000, 1700))
    translate(project, engine)
    workspace.storage.translations.save(project.id, "u0001", "en", "Mine.", 1, actor="p")
    workspace.storage.reviews.move(project.id, ["u0002"], Layer.TRANSLATION, ReviewState.APPROVED, language="en",
                                   on_the_way=True)
    other = Engine("b", {"Uno.": [("Else.", 0.8)], "Otro.": [("Else.", 0.8)]})
    assert [one.text for one in translate(project, other).translations.values()] == ["Mine.", "Another."]
    assert other.asked == []


def test_what_people_approved_for_the_same_words_comes_first(workspace: Workspace,
                                                             translate: Callable[..., Worded]) -> None:
    engine = Engine("a", {"Uno.": [("First.", 0.8)], "Dos más.": [("Two more.", 0.8)]})
    workspace.storage.memory.remember("es", "en", [("Uno.", "One!"), ("Dos.", "Two.")], project_id=None, actor="p")
    project = project_of(workspace, ("Uno.", 0, 600), ("Dos más.", 1000, 1700))
    one, two = translate(project, engine).translations.values()
    assert (one.text, one.engine, one.details["chosen"]) == ("One!", "memory", "memory")
    assert [request.text for request in engine.asked] == ["Dos más."]
    assert engine.asked[0].before == ("Uno.",) and two.text == "Two more."
    off = translate(project, engine, use_memory=False).translations["u0001"]
    assert (off.text, off.engine) == ("First.", "a")


def test_glossary_and_forbidden_words_are_brought_in(workspace: Workspace, translate: Callable[..., Worded]) -> None:
    project = project_of(workspace, ("El contrato de Villa Azul es un rollo.", 0, 2600))
    terms = workspace.storage.terms
    terms.save([Term("", None, "es", "en", "contrato", "agreement"), Term("", None, "es", "en", "Villa Azul", None)],
               actor="p")
    terms.save_forbidden(ForbiddenTerm("", None, "en", "drag", "bore"))

    class Reader(Engine):
        keeps_unknown_words = True

        def candidates(self, requests: Any, brief: Brief, report: Any = None) -> list[tuple[Candidate, ...]]:
            self.asked += requests
            return [(Candidate(request.text.replace("El contrato de", "The contract of").replace("contrato", "contract")
                               .replace("Azul", "Blue").replace("es un rollo", "is a drag"), 0.6, self.id),)
                    for request in requests]

    chosen = only(translate(project, Reader("a", {})))
    assert chosen.text == "The agreement of Villa Azul is a bore."
    assert chosen.details["terms_missed"] == []
    assert chosen.details["first"]["text"].startswith("The contract")


def test_where_the_best_doubts_others_are_asked_and_what_they_leave_it_says(
        workspace: Workspace, translate: Callable[..., Worded]) -> None:
    unsure = Unsure("a", {"Uno.": [("First.", 0.3)], "Otro.": [("Another.", 0.3)]})
    other = Engine("b", {"Uno.": [("The one.", 0.4)]})
    project = project_of(workspace, ("Uno.", 0, 700), ("Otro.", 1000, 1700), ("Nada.", 2000, 2700))
    worded = translate(project, unsure, other)
    assert [(one.text, one.engine) for one in worded.translations.values()] == [("The one.", "b"), ("Another.", "a")]
    assert "u0003: no translation into en" in worded.notes[-1]


def test_a_translator_that_is_gone_costs_nothing_where_there_are_others(workspace: Workspace,
                                                                        translate: Callable[..., Worded]) -> None:
    project = project_of(workspace, ("Uno.", 0, 700))
    worded = translate(project, Gone("llm", {}), Engine("b", {"Uno.": [("One of them.", 0.5)]}))
    assert only(worded).text == "One of them." and "llm was given up" in worded.notes[0]
    with pytest.raises(UnavailableError):
        translate(project_of(workspace, ("Uno.", 0, 700)), Gone("llm", {}), translator="llm")


def test_marks_go_round_the_translator(workspace: Workspace, translate: Callable[..., Worded]) -> None:
    engine = Engine("a", {"Voy al puerto, hoy.": [("I go to the harbour, today.", 0.8)]})
    project = project_of(workspace, ("[risas] Voy al puerto, [pausa] hoy.", 0, 2300), ("[risas]", 3000, 4000))
    spoken, laughed = translate(project, engine).translations.values()
    assert spoken.text == "[laughs] I go to the harbour, [pause] today."
    assert spoken.details["candidates"][0]["text"] == spoken.text
    assert (laughed.text, laughed.engine) == ("[laughs]", "marks")
    assert [request.text for request in engine.asked] == ["Voy al puerto, hoy."]


def test_a_text_without_capital_and_full_stop_gets_those_of_its_source(workspace: Workspace,
                                                                        translate: Callable[..., Worded]) -> None:
    project = project_of(workspace, ("Vamos a casa.", 0, 900))
    assert only(translate(project, Engine("a", {"Vamos a casa.": [("we go home", 0.6)]}))).text == "We go home."


def test_each_language_has_its_own_translator(workspace: Workspace, translate: Callable[..., Worded],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    project = project_of(workspace, ("Uno.", 0, 700))
    engine = Engine("a", {"Uno.": [("One of them.", 0.5)]})
    translate(project, engine)
    monkeypatch.setattr("dubbing.registry.choose_translator", lambda *given: asked.append(given) or engine)
    source = SimpleNamespace(language="es", media=SimpleNamespace(duration_ms=60_000),
                             sound=Artifact("s", Path("nowhere"), {}))
    options = DubOptions(targets=("en",), by_language={"en": {"translator": "llm"}})
    Wording(workspace.storage, project, options, source, Runner(workspace.artifacts), "en",
            workspace.storage.utterances.all(project.id)).run()
    assert asked == [("es", "en", "llm")]
