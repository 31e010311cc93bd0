"""A step: one stage applied to its inputs, with everything that decides its result spelled out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dubbing.engines.base import Engine, Report
from dubbing.pipeline.artifact import Artifact, artifact_key

#: ``build(folder, facts, report)`` writes files into ``folder`` and small JSON values into ``facts``.
Build = Callable[[Path, dict[str, Any], Report], None]


@dataclass(frozen=True)
class Step:
    """What to compute. Two steps with equal keys have equal results, whoever runs them.

    ``version`` rises whenever the stage's own code would give another result; ``utterance`` and ``language``
    only say where the step belongs and are no part of the key.
    """

    stage: str
    version: str
    build: Build
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Artifact | str] = field(default_factory=dict)
    engine: Engine | None = None
    unit: str = ""
    utterance: str | None = None
    language: str | None = None

    @property
    def engine_name(self) -> str:
        return f"{self.engine.id}@{self.engine.version}" if self.engine is not None else ""

    @property
    def recipe(self) -> dict[str, Any]:
        """The whole recipe, as it is kept beside the result."""
        return {"stage": self.stage, "version": self.version, "engine": self.engine_name, "params": dict(self.params),
                "inputs": {name: value if isinstance(value, str) else value.key for name, value in self.inputs.items()}}

    @property
    def key(self) -> str:
        recipe = self.recipe
        return artifact_key(recipe["stage"], recipe["version"], recipe["engine"], recipe["params"], recipe["inputs"])
