"""What one language's dub is worth: the finished file listened to and looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dubbing import registry
from dubbing.domain.project import Project, Utterance
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import quality
from dubbing.storage.repository import Repository
from dubbing.understand import Source

if TYPE_CHECKING:
    from dubbing.localize import Dub


class Judging:
    """Judges the dub of one language of one project."""

    def __init__(self, storage: Repository, project: Project, options: DubOptions, source: Source, runner: Runner,
                 dub: Dub, utterances: list[Utterance]) -> None:
        self._storage, self._project, self._options, self._source = storage, project, options, source
        self._runner, self._dub, self._utterances = runner, dub, utterances

    def run(self, takes: dict[str, Artifact], rendered: dict[str, Artifact]) -> dict[str, Any]:
        """What was measured; ``takes`` are those of the lines that are heard, ``rendered`` their repainted mouths."""
        dub, source = self._dub, self._source
        assert dub.video is not None and dub.mix is not None
        lines = [quality.JudgedLine(u.id, u.speaker, u.start_ms, dub.translations[u.id].text, takes[u.id],
                                    rendered.get(u.id)) for u in self._utterances if u.id in takes]
        recognizer = registry.choose("asr", self._options.recognizer)
        judged = self._runner.run(quality.step(recognizer, source.lipsyncer, source.path, source.tracks, dub.video,
                                               dub.mix, lines, language=dub.language))
        found: dict[str, Any] = judged.json(quality.REPORT)
        return found
