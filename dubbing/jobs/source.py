"""What is known of a project's video already, found without computing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dubbing.errors import DubbingError, UsageError
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Project
    from dubbing.understand import Source


class _NotYet(DubbingError):
    """A stage's result is not there."""


class _Finder(Runner):
    """A runner that only finds."""

    def run(self, step: Step) -> Artifact:
        found = self.store.find(step.key)
        if found is None:
            raise _NotYet(f"The stage {step.stage} has not run.")
        return found


def find_source(workspace: Workspace, project: Project) -> Source | None:
    """The source side of a project as its last analysis left it; None while one is missing."""
    from dubbing.series import known_names
    from dubbing.understand import understand

    try:
        return understand(project, workspace.options(project), _Finder(workspace.artifacts),
                          known_names(workspace.storage, project))
    except _NotYet:
        return None


def known_source(workspace: Workspace, project: Project) -> Source:
    """As ``find_source``; raises UsageError while the video has not been analysed."""
    source = find_source(workspace, project)
    if source is None:
        raise UsageError("The video of this project has not been analysed yet.",
                         "Start the dub, or wait for it: single lines can be made once it has heard the speakers.")
    return source
