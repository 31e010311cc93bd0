"""Which lines' mouths are repainted, and why others' are not, told without rendering anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dubbing.derived import Derived
from dubbing.team.consent import FACE, allowance

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Project
    from dubbing.storage.takes import HeardLine

DISABLED, MARKED_OFF, OFF_CAMERA, NO_FACE = "disabled", "marked_off", "off_camera", "no_face"
NO_CONSENT, NO_TAKE = "no_consent", "no_take"


def lip_sync_plan(workspace: Workspace, project: Project, language: str,
                  lines: Sequence[HeardLine] | None = None) -> dict[str, tuple[bool, str]]:
    """(whether, "" or the reason why not) by utterance id, of all lines unless some are given.

    Reasons: disabled (for the project), marked_off (by a person), no_face (its speaker is never seen, or the mouth is
    hidden in this line), off_camera (its speaker is not in the picture then), no_consent, no_take (yet).
    """
    lines = workspace.storage.takes.heard(project.id, language) if lines is None else lines
    if workspace.options(project).lipsync == "off":
        return {line.utterance_id: (False, DISABLED) for line in lines}
    derived = Derived(workspace.settings.home, project.id)
    seen, standing = _seen(derived), derived.standing(language)
    allowed = allowance(workspace.storage, project)
    plan = {}
    for line in lines:
        reason = ""
        if line.on_camera is False:
            reason = MARKED_OFF
        elif line.on_camera is None and seen is not None:
            reason = _unseen(seen.get(line.speaker, []), line.start_ms, line.end_ms)
        if not reason and not allowed.allows(line.speaker, FACE, language):
            reason = NO_CONSENT
        if not reason and not line.artifact_key:
            reason = NO_TAKE
        if not reason and standing is not None and standing.takes.get(line.utterance_id) == line.artifact_key and \
                not standing.repainted.get(line.utterance_id):
            # It was tried with this very take.
            reason = NO_FACE if standing.on_camera.get(line.utterance_id) else OFF_CAMERA
        plan[line.utterance_id] = (not reason, reason)
    return plan


def _seen(derived: Derived) -> Mapping[str, Any] | None:
    """Intervals (ms) in which each speaker is on camera; None while nobody has looked."""
    try:
        found: dict[str, Any] = json.loads(derived.faces.read_text())["on_camera"]
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return found


def _unseen(rows: list[list[int]], start_ms: int, end_ms: int) -> str:
    if not rows:
        return NO_FACE
    seen = sum(max(0, min(end_ms, b) - max(start_ms, a)) for a, b in rows)
    return "" if 3 * seen >= end_ms - start_ms else OFF_CAMERA
