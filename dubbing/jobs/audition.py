"""audition: a voice says a sentence, for somebody who chooses one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dubbing import registry
from dubbing.errors import UsageError
from dubbing.jobs import warm
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import audition

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Job
    from dubbing.ledger import HeldJob
    from dubbing.pipeline.progress import Listener

_MOST_CHARACTERS = 200


def run(workspace: Workspace, job: Job, held: HeldJob, listener: Listener) -> dict[str, Any]:
    """The result names the artifact with the sound, and the text that was said."""
    asked = job.payload
    project_id, language = job.project_id or "", str(asked["language"])
    engine = registry.choose("tts", str(asked.get("engine") or "auto"))
    voice = str(asked["voice"])
    registry.check_voice(engine, language, voice)
    text = str(asked.get("text") or "").strip() or _own_text(workspace, project_id, language)
    runner = Runner(workspace.artifacts, None, listener, held.check, warm.ROOM)
    made = runner.run(audition.step(engine, text, language, voice))
    return {"artifact": made.key, "text": text, "engine": engine.id, "voice": voice,
            "duration_ms": made.facts["duration_ms"]}


def _own_text(workspace: Workspace, project_id: str, language: str) -> str:
    """A line of the project of a good length. Raises UsageError when nothing is translated yet."""
    texts = [line.text.strip() for line in workspace.storage.translations.all(project_id, language).values()]
    fitting = [text for text in texts if text and len(text) <= _MOST_CHARACTERS]
    if not fitting:
        raise UsageError(f"The project has no line in {language} to say yet.", "Type a sentence for the audition.")
    return max(fitting, key=lambda text: (min(len(text), 60), text))
