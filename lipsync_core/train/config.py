"""One TOML file a run, read into dataclasses; what it does not know is said in one sentence, never ignored.

A file names its ``task`` and has a table for each section that the task knows. ``optimizer``, ``loop`` and
``validate`` mean the same everywhere; the others belong to the task (``run.TASKS``), which gives a dataclass for each.
"""

from __future__ import annotations

import difflib
import json
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")


class ConfigError(ValueError):
    """A configuration cannot be used; the message says which setting, why, and what was probably meant."""


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where the clips are. shards: a folder of ``lipsync_core.train.data``, relative to the configuration.

    size: side of the crops in pixels. batch: rows for each process; with N processes a step sees N times as many.
    """

    shards: str = ""
    size: int = 96
    batch: int = 16


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """How weights move. clip: greatest norm of a parameter group's gradient, 0 for no bound.

    schedule: after ``warmup`` steps of linear rise the rate stays, or falls to ``floor`` times ``rate`` at the last
    step, along a cosine or a line.
    """

    name: Literal["adam", "adamw"] = "adamw"
    rate: float = 3e-4
    betas: tuple[float, ...] = (0.9, 0.999)
    decay: float = 0.01
    clip: float = 1.0
    warmup: int = 100
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    floor: float = 0.05


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """How long, how exactly, and what is kept.

    device: "auto" is the process's CUDA device or else the CPU. precision: "auto" is bfloat16 where the device computes
    in it, float16 on other CUDA devices, else float32. ema: decay of the running mean of the weights, 0 for none.
    log, validate, save: every so many steps; 0: not before the end, validate = -1: not even then. save_seconds: also
    after so many seconds. keep: checkpoints that stay. best: the figure of validation whose best weights are kept, with
    "-" before it where less is better; "" for none. board: curves for TensorBoard; images: pictures, too. threads: of
    the CPU, 0 for torch's own choice.
    """

    steps: int = 1000
    seed: int = 0
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    ema: float = 0.999
    log: int = 20
    validate: int = 500
    save: int = 500
    save_seconds: float = 300.0
    keep: int = 2
    best: str = ""
    board: bool = True
    images: bool = True
    threads: int = 0


@dataclass(frozen=True, slots=True)
class ValidateConfig:
    """clips: held-out clips that are looked at (spread over all), 0 for all. frames: of each, 0 for all.

    models: folder of the face networks, "" for the machine's own (``lipsync_core.face.models.default_folder``).
    """

    clips: int = 8
    frames: int = 0
    models: str = ""


#: Sections that every task has.
COMMON: dict[str, type] = {"data": DataConfig, "optimizer": OptimizerConfig, "loop": LoopConfig,
                           "validate": ValidateConfig}


@dataclass(frozen=True)
class RunConfig:
    """A whole run. sections: what the task reads beside the common ones, by name: ``run["losses"]``.

    folder: where the file lay; relative paths in it start there.
    """

    task: str
    data: Any = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    validate: ValidateConfig = field(default_factory=ValidateConfig)
    sections: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()

    def __getitem__(self, name: str) -> Any:
        return self.sections[name] if name in self.sections else getattr(self, name)

    def path(self, given: str) -> Path:
        """A path of the configuration, absolute."""
        return (self.folder / Path(given).expanduser()).absolute()

    def as_dict(self) -> dict[str, Any]:
        """As plain values, defaults included; what is recorded with a run and in its weights. No path but those that
        the file itself gives."""
        names = [name for name in COMMON if name not in self.sections]
        tables = {name: getattr(self, name) for name in names} | dict(self.sections)
        return {"task": self.task} | {name: asdict(value) for name, value in tables.items()}


def read(path: str | Path, sections_of: typing.Callable[[str], Mapping[str, type]],
         changes: Sequence[str] = ()) -> RunConfig:
    """The run that a TOML file describes.

    sections_of: the task's own dataclasses by section, for a task's name; raises ``ConfigError`` for an unknown one.
    changes: ``section.key=value`` each, the value as in TOML (a bare word is text), set after reading.
    Raises ``ConfigError`` when there is no such file, it is not TOML, or anything in it is unknown or of another kind.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: there is no such configuration") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not TOML: {error}") from error
    for change in changes:
        _set(tables, change)
    return from_dict(tables, sections_of, path.absolute().parent)


def from_dict(tables: Mapping[str, Any], sections_of: typing.Callable[[str], Mapping[str, type]],
              folder: Path = Path()) -> RunConfig:
    """The same from tables that were read already."""
    task = tables.get("task")
    if not isinstance(task, str):
        raise ConfigError('the configuration names no task: write task = "generator" (or another) above all sections')
    kinds = COMMON | dict(sections_of(task))
    for name, table in tables.items():
        if name != "task" and name not in kinds:
            raise ConfigError(f"{name}: the task {task} has no such section{_meant(name, ['task', *kinds])}")
        if name != "task" and not isinstance(table, Mapping):
            raise ConfigError(f"{name} is a section: write [{name}] and its settings below")
    filled: dict[str, Any] = {name: fill(kind, tables.get(name, {}), name) for name, kind in kinds.items()}
    common = {name: filled.pop(name) for name in COMMON}
    return RunConfig(task, sections=filled, folder=folder, **common)


def fill(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """A dataclass from a table; nested dataclasses from nested tables. Raises ``ConfigError`` for an unknown key (with
    the nearest name), a value of another kind, or one that is missing without a default."""
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise ConfigError(f"{where}.{key}: there is no such setting{_meant(key, known)}")
    for name, one in known.items():
        if name not in table and one.default is MISSING and one.default_factory is MISSING:
            raise ConfigError(f"{where}.{name} must be given")
    return kind(**{key: _value(hints[key], value, f"{where}.{key}") for key, value in table.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is a table of settings, not {value!r}")
        return fill(hint, value, where)  # type: ignore[arg-type]
    if origin is Literal:
        if value not in inner:
            raise ConfigError(f"{where} is {value!r}; it can be {', '.join(map(repr, inner))}")
        return value
    if origin in (typing.Union, types.UnionType):
        plain = [kind for kind in inner if kind is not type(None)]
        for kind in plain[:-1]:
            try:
                return _value(kind, value, where)
            except ConfigError:
                continue
        return None if value is None else _value(plain[-1], value, where)
    if origin in (tuple, list):
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where} is a list, not {value!r}")
        return origin(_value(inner[0], one, f"{where}[{n}]") for n, one in enumerate(value))
    if origin is dict:
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is not Any and (not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)):
        raise ConfigError(f"{where} must be {_WORDS.get(hint, hint.__name__)}, not {value!r}")
    return value


_WORDS = {int: "a whole number", float: "a number", str: "text in quotes", bool: "true or false"}


def _meant(name: str, known: typing.Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, 1, 0.5)
    return f"; did you mean {near[0]}?" if near else f" (there are {', '.join(names)})"


def _set(tables: dict[str, Any], change: str) -> None:
    name, found, text = change.partition("=")
    *path, last = name.strip().split(".")
    if not found or not last:
        raise ConfigError(f"{change}: a change is written section.key=value")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = tables
    for part in path:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{change}: {part} is no section")
    table[last] = value


def text_of(config: RunConfig) -> str:
    """The configuration as JSON, keys sorted: the same text for the same run."""
    return json.dumps(config.as_dict(), sort_keys=True, indent=1)
