"""take: one line spoken anew, its mouth repainted, its clip rendered; the rest of the project is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dubbing.derived import Derived
from dubbing.jobs import warm
from dubbing.jobs.source import known_source
from dubbing.ledger import DatabaseLedger
from dubbing.mixdown import Mixdown
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import clip

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Job, Project, Utterance
    from dubbing.ledger import HeldJob
    from dubbing.localize import Localization
    from dubbing.pipeline.artifact import Artifact
    from dubbing.pipeline.progress import Listener


def run(workspace: Workspace, job: Job, held: HeldJob, listener: Listener) -> dict[str, Any]:
    """The take is heard as soon as it is spoken; its clip follows. The result names both."""
    from dubbing.localize import Localization

    asked = job.payload
    project = workspace.storage.projects.get(job.project_id or "")
    options = workspace.options(project)
    source = known_source(workspace, project)
    ledger = DatabaseLedger(workspace.storage, project.id, int(project.media["duration_ms"]))
    runner = Runner(workspace.artifacts, ledger, listener, held.check, warm.ROOM)
    line = Localization(workspace.storage, project, options, source, runner, str(asked["language"]))
    take, spoken = line.take(str(asked["utterance_id"]), pace=float(asked.get("pace", 1.0)),
                             voice=str(asked.get("voice") or "") or None, actor=str(asked.get("actor", "")))
    utterance = line.line(take.utterance_id)
    mouth = line.mouth(utterance, spoken)
    shown = runner.run(_clip(workspace, project, line, utterance, spoken, mouth))
    workspace.storage.takes.note(take.id, {"clip": shown.key})
    note = str(mouth.facts["note"]) if mouth is not None else ""
    return {"take_id": take.id, "language": take.language, "utterance_id": take.utterance_id,
            "chosen": take.chosen, "tempo": take.tempo, "fit": spoken.facts["fit"],
            "frames": int(mouth.facts["frames"]) if mouth is not None else 0, "note": note}


def _clip(workspace: Workspace, project: Project, line: Localization, utterance: Utterance, spoken: Artifact,
          mouth: Artifact | None) -> Any:
    """The step that renders the line with what is heard and seen around it now."""
    source = line.source
    mixdown = Mixdown(line.options, source, line.runner, line.dub, line.utterances)
    heard = workspace.storage.takes.chosen(project.id, line.language)
    rooms, replaced = mixdown.rooms(), mixdown.replaced({*heard, utterance.id})
    own = clip.ClipLine(spoken, utterance.start_ms, utterance.end_ms, mouth, rooms.get(utterance.id),
                        replaced[utterance.id])
    start_ms, end_ms = clip.span_of(own, source.media.duration_ms)
    standing = Derived(workspace.settings.home, project.id).standing(line.language)
    neighbours = []
    for other in line.utterances:
        take = heard.get(other.id)
        if other.id == utterance.id or take is None or replaced[other.id][0] >= end_ms or \
                max(replaced[other.id][1], other.start_ms + take.duration_ms) <= start_ms:
            continue
        sound = workspace.artifacts.find(take.artifact_key)
        if sound is None:
            continue
        painted = None
        if standing is not None and standing.takes.get(other.id) == take.artifact_key and other.id in standing.rendered:
            painted = workspace.artifacts.find(standing.rendered[other.id])
        neighbours.append(clip.ClipLine(sound, other.start_ms, other.end_ms, painted, rooms.get(other.id),
                                        replaced[other.id]))
    return clip.step(source.path, source.sha256, source.media, source.separated, own, neighbours, source.lipsyncer,
                     language=line.language, utterance=utterance.id, duck_db=line.options.duck_db)
