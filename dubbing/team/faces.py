"""Faces at the desk: who is seen, who of them speaks, and whose mouth is repainted where."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dubbing.derived import Derived
from dubbing.domain.project import Project
from dubbing.domain.review import Action
from dubbing.domain.workspace import FaceView
from dubbing.errors import UsageError
from dubbing.team.lip_sync import lip_sync_plan
from dubbing.team.seat import Seat

#: Where a project's settings keep what people said of faces: {face: {"speaker": id or "", "tracks": [ids]}}.
FACES = "faces"
#: A note of ``FaceView``: the mouth is hidden or turned away most of the time; a person's word waits for the next dub.
TURNED, WAITS = "turned", "waits"
_TURNED_SHARE = 0.5


class Faces:
    """The people seen in a project's video."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._workspace = seat.workspace
        self._storage = seat.workspace.storage

    def all(self, project_id: str) -> list[FaceView]:
        """Everybody who is seen, whoever is seen longest first; nobody before the video was analysed."""
        self._seat.require(Action.VIEW, project_id)
        project = self._storage.projects.get(project_id)
        derived = Derived(self._workspace.settings.home, project_id)
        said = project.settings.get(FACES, {})
        heard: dict[str, list[tuple[int, int]]] = {}
        for line in self._storage.takes.heard(project_id, ""):
            heard.setdefault(line.speaker, []).append((line.start_ms, line.end_ms))
        return [_view(row, said.get(row["id"]), heard, derived) for row in _people(derived)]

    def assign(self, project_id: str, face_id: str, speaker_id: str | None) -> None:
        """Say whose face it is; None: nobody's who speaks. The next dub learns that speaker's mouth from it.

        Raises UsageError for an unknown face or speaker.
        """
        self._seat.require(Action.EDIT_DUB, project_id)
        project = self._storage.projects.get(project_id)
        row = next((row for row in _people(Derived(self._workspace.settings.home, project_id))
                    if row["id"] == face_id), None)
        if row is None:
            raise UsageError(f"There is no face {face_id} in this project.", "Reload the page.")
        if speaker_id is not None and speaker_id not in {s.id for s in self._storage.speakers.all(project_id)}:
            raise UsageError(f"There is no speaker {speaker_id} in this project.", "Choose one of its speakers.")
        said = {**project.settings.get(FACES, {})}
        if (speaker_id or "") == row["speaker"]:
            # What the tracker says itself needs no word of a person.
            said.pop(face_id, None)
        else:
            said[face_id] = {"speaker": speaker_id or "", "tracks": list(row["tracks"])}
        self._save(project, said)

    def lip_sync_plan(self, project_id: str, language: str) -> dict[str, tuple[bool, str]]:
        """(whether the mouth is repainted, "" or the reason why not) by utterance id; see ``dubbing.team.lip_sync``."""
        self._seat.require(Action.VIEW, project_id)
        return lip_sync_plan(self._workspace, self._storage.projects.get(project_id), language)

    def _save(self, project: Project, said: Mapping[str, Any]) -> None:
        self._storage.projects.update(project.id, project.revision, settings={**project.settings, FACES: dict(said)},
                                      actor=self._seat.actor)


def _people(derived: Derived) -> Sequence[Mapping[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(derived.faces.read_text())["people"]
    except (FileNotFoundError, ValueError, KeyError):
        return []
    return found


def _view(row: Mapping[str, Any], said: Mapping[str, Any] | None, heard: Mapping[str, Sequence[tuple[int, int]]],
          derived: Derived) -> FaceView:
    speaker = str(row["speaker"] if said is None else said["speaker"])
    seen = [(int(a), int(b)) for a, b in row["seen"]]
    note = TURNED if row["turned"] > _TURNED_SHARE else ""
    if said is not None and said["speaker"] != row["speaker"]:
        note = WAITS
    return FaceView(str(row["id"]), speaker or None, tuple(seen), _overlaps(seen, heard.get(speaker, ())),
                    derived.face(str(row["id"])).is_file(), float(row["height_share"]), note)


def _overlaps(seen: Sequence[tuple[int, int]], heard: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Where somebody is seen and heard."""
    both = [(max(a, c), min(b, d)) for a, b in seen for c, d in heard]
    return tuple(sorted((start, end) for start, end in both if start < end))
