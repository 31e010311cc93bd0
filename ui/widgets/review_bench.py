"""What a tab of the review page remembers between runs: the selection of lines, the line, answers to the component."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st
from streamlit.errors import StreamlitAPIException

from dubbing.domain.review import Layer
from dubbing.domain.workspace import LineQuery, LineView, ProjectCard
from ui.session import desk

#: Lines on a page.
PAGE = 100
#: Answers are kept for as many actions, longer than a browser ever asks again.
_ANSWERS = 60
_KEY = "review_benches"

Kept = TypeVar("Kept")


@dataclass(slots=True)
class Bench:
    """One project in one language. ``command`` tells the component to select a line; ``n`` makes it new."""

    project_id: str
    language: str
    query: LineQuery = LineQuery()
    layer: Layer = Layer.TRANSLATION
    offset: int = 0
    selected: str | None = None
    results: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)
    commands: int = 0
    command: dict[str, Any] | None = None
    finding: bool = False
    comment_at_ms: int | None = None
    #: Counts the changes to ``query`` that the toolbar's controls did not make: they have to follow.
    version: int = 0
    panel: str | None = "takes"
    panels_opened: int = 0
    #: The page as it was last read, for actions that need to know what stands around a line.
    shown: tuple[LineView, ...] = ()
    total: int = 0
    all_lines: int = 0
    #: What changes seldom and is read anew when the whole page runs: names, paces.
    kept: dict[str, Any] = field(default_factory=dict)

    def answer(self, action_id: str, result: dict[str, Any]) -> None:
        """Keep the result of an action for the component to fetch."""
        self.results[action_id] = result
        while len(self.results) > _ANSWERS:
            self.results.popitem(last=False)

    def tell(self, line: str | None, *, edit: bool = False, seek: int | None = None) -> None:
        """Have the component select ``line`` (and open it for typing), or go to a time."""
        self.commands += 1
        self.command = {"n": self.commands, "line": line, "edit": edit, "seek": seek}
        if line:
            self.selected = line

    def keep(self, name: str, read: Callable[[], Kept]) -> Kept:
        """What ``read`` gives, read once until the whole page runs again."""
        if name not in self.kept:
            self.kept[name] = read()
        return self.kept[name]

    def narrow(self, query: LineQuery) -> None:
        """Show another selection of lines, from its beginning."""
        if query != self.query:
            self.query, self.offset = query, 0

    def show(self, query: LineQuery) -> None:
        """The same, asked for by something else than the toolbar."""
        self.query, self.offset, self.version = query, 0, self.version + 1

    def open_panel(self, name: str) -> None:
        """Show a panel from the next drawing on."""
        self.panel, self.panels_opened = name, self.panels_opened + 1

    def view(self, utterance_id: str | None) -> LineView | None:
        """The line as it was last read, when it is on the page."""
        return next((view for view in self.shown if view.line.utterance.id == utterance_id), None)

    def go_to(self, utterance_id: str, *, edit: bool = False) -> bool:
        """Turn to the page on which a line stands, without any filter if need be; False when there is none."""
        for query in dict.fromkeys((self.query, LineQuery())):
            at = place_of(self, utterance_id, query)
            if at is not None:
                if query != self.query:
                    self.show(query)
                self.offset = at // PAGE * PAGE
                self.tell(utterance_id, edit=edit)
                return True
        return False


def bench(card: ProjectCard, language: str) -> Bench:
    """This tab's bench for a project and language."""
    benches: dict[tuple[str, str], Bench] = st.session_state.setdefault(_KEY, {})
    return benches.setdefault((card.id, language), Bench(card.id, language))


def again() -> None:
    """Run what is shown again: only the workbench, when that is what runs."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page runs
        st.rerun()


def place_of(held: Bench, utterance_id: str, query: LineQuery) -> int | None:
    """Where in a selection a line stands, found by halving: lines stand in the order of their start."""
    lines = desk().lines
    wanted = lines.get(held.project_id, held.language, utterance_id).line.utterance
    if wanted.deleted_at is not None:
        return None
    low, high = 0, lines.page(held.project_id, held.language, query, limit=1).total
    # Most often it stands where this tab last saw it.
    seen = next((n for n, view in enumerate(held.shown) if view.line.utterance.id == utterance_id), None)
    middle = (low + high) // 2 if seen is None else min(held.offset + seen, high - 1)
    while low < high:
        found = lines.page(held.project_id, held.language, query, offset=middle, limit=1).lines[0].line.utterance
        if found.id == utterance_id:
            return middle
        if (found.start_ms, found.id) < (wanted.start_ms, wanted.id):
            low = middle + 1
        else:
            high = middle
        middle = (low + high) // 2
    return None
