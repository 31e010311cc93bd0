"""From a configuration to a trained network: which tasks there are, and one call that trains any of them.

A task is a class with ``SECTIONS`` (its own dataclasses by section of the file; "data" replaces the common one) and
``build(run, place)``, which returns a ``loop.Task`` with its networks on ``place.device``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lipsync_core.train import config as configs
from lipsync_core.train.checkpoint import ResumeError
from lipsync_core.train.config import ConfigError, RunConfig
from lipsync_core.train.files import write_atomic
from lipsync_core.train.loop import Outcome, Trainer
from lipsync_core.train.place import Place, joined

#: Where the class of each task is; further ones may be put in before ``train`` is called.
TASKS: dict[str, str] = {
    "generator": "lipsync_core.train.generator_task:GeneratorTask",
    "expert": "lipsync_core.train.expert:ExpertTask",
    "judge": "lipsync_core.train.expert:JudgeTask",
    "embedder": "lipsync_core.train.embedder:EmbedderTask",
    "sound": "lipsync_core.train.sound:SoundTask",
}
#: What may differ between a run and its continuation: sections, and all of the loop's settings but the seed.
_FREE = ("loop", "validate")


def task_class(name: str) -> Any:
    """The class of a task. Raises ``ConfigError`` when there is none of that name."""
    if name not in TASKS:
        raise ConfigError(f"task is {name!r}; it can be {', '.join(TASKS)}")
    module, _, kind = TASKS[name].partition(":")
    return getattr(import_module(module), kind)


def sections_of(name: str) -> Mapping[str, type]:
    """The sections that a task has beside the common ones."""
    return task_class(name).SECTIONS


def read(path: str | Path, changes: Sequence[str] = ()) -> RunConfig:
    """The configuration of a run; ``config.ConfigError`` when it cannot be used."""
    return configs.read(path, sections_of, changes)


def train(run: RunConfig, folder: Path | None, *, resume: bool = False, seconds: float | None = None,
          say: Callable[[str], None] = print, source: Path | None = None) -> Outcome:
    """Train what ``run`` describes, in this process or in those that torchrun started.

    folder: of the run (see ``Trainer``). seconds: at most so long. source: the file that was read, to be kept with the
    run. Raises ``ConfigError``, ``ResumeError`` or ``TrainingError``.
    """
    with joined(run.loop.device, run.loop.precision) as place:
        if run.loop.threads:
            import torch

            torch.set_num_threads(run.loop.threads)
        trainer = trainer_of(run, place, folder, resume=resume, say=say)
        if folder is not None and place.is_first:
            _record(run, folder, source)
        return trainer.fit(seconds)


def trainer_of(run: RunConfig, place: Place, folder: Path | None, *, resume: bool = False,
               say: Callable[[str], None] = print) -> Trainer:
    """The trainer of a run with its freshly built (or resumed) task."""
    if folder is not None and resume:
        _compare(run, folder)
    task = task_class(run.task).build(run, place)
    return Trainer(task, run.optimizer, run.loop, place, folder, run.as_dict(), resume, say)


def _record(run: RunConfig, folder: Path, source: Path | None) -> None:
    write_atomic(folder / "config.json", configs.text_of(run) + "\n")
    if source is not None and source.absolute() != (folder / "config.toml").absolute():
        shutil.copyfile(source, folder / "config.toml")


def _compare(run: RunConfig, folder: Path) -> None:
    """Refuse to continue a run as another one."""
    import json

    path = folder / "config.json"
    if not path.is_file():
        return
    try:
        then = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ResumeError(f"{path} is damaged") from error
    now = json.loads(configs.text_of(run))
    for told in (then, now):
        told["seed"] = told.get("loop", {}).get("seed")
    for section in sorted({*then, *now} - set(_FREE)):
        if then.get(section) != now.get(section):
            raise ResumeError(f"the run in {folder} was made with other settings: {_difference(section, then, now)}")


def _difference(section: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    a, b = then.get(section), now.get(section)
    if isinstance(a, dict) and isinstance(b, dict):
        key = next(key for key in sorted({*a, *b}) if a.get(key) != b.get(key))
        return f"{section}.{key} was {a.get(key)!r} and is {b.get(key)!r} now"
    return f"{section} was {a!r} and is {b!r} now"
