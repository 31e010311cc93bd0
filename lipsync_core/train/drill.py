"""Does a run survive being killed? Train it twice, once killed at random steps and resumed, and compare every bit.

``python -m lipsync_core.train.drill CONFIG.toml --out FOLDER --steps 60 --kills 2``
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_core.train.progress import read_log

#: How a run is started; the configuration and options follow.
COMMAND = (sys.executable, "-m", "lipsync_core.train")
_POLL_S = 0.005
_PATIENCE_S = 3600.0


class DrillError(ValueError):
    """A run of the drill did not come to its end; the message says what it said last."""


@dataclass(frozen=True, slots=True)
class Drilled:
    """killed_after: the last step that was logged before each kill. resumed_from: of the checkpoint each continuation
    took up. different: names of the values that are not the same bit by bit (none, if all is well). compared: how many
    were. seconds: of the whole drill."""

    killed_after: tuple[int, ...]
    resumed_from: tuple[int, ...]
    different: tuple[str, ...]
    compared: int
    seconds: float

    def __str__(self) -> str:
        kills = ", ".join(map(str, self.killed_after))
        back = ", ".join(map(str, self.resumed_from))
        verdict = (f"all {self.compared} values of networks, optimizer, running mean and weights are the same bits"
                   if not self.different else f"{len(self.different)} of {self.compared} values differ, "
                   f"{self.different[0]} first")
        return f"Killed after step {kills}, resumed from {back}: {verdict}."


def drill(config: Path, folder: Path, steps: int, kills: int = 1, seed: int = 0, save: int = 0,
          options: Sequence[str] = (), command: Sequence[str] = COMMAND) -> Drilled:
    """Run ``config`` for ``steps`` steps twice.

    folder: empty or new; gets the runs ``whole`` and ``killed``. seed: of the steps at which the second is killed
    (SIGKILL). save: steps between checkpoints, 0 for a seventh of all, so that most kills lose some steps. options:
    further ones of ``python -m lipsync_core.train``. Raises ``DrillError`` when a run fails.
    """
    begun = time.monotonic()
    every = save or max(steps // 7, 1)
    changes = (f"loop.steps={steps}", "loop.log=1", f"loop.save={every}", "loop.save_seconds=0")
    call = [*command, str(config), *options, *(part for change in changes for part in ("--set", change))]
    folder.mkdir(parents=True, exist_ok=True)
    _finish([*call, "--out", str(folder / "whole")], folder / "whole.txt")
    random = np.random.default_rng(seed)
    # Not before there is a checkpoint to come back to, and not so late that the run may be over.
    targets = sorted(random.choice(np.arange(every + 1, max(steps - 1, every + 2)), kills, replace=False).tolist())
    log = folder / "killed" / "log.jsonl"
    killed, resumed = [], []
    for target in targets:
        killed.append(kill([*call, "--out", str(folder / "killed"), "--resume"], log, target,
                           folder / "killed.txt"))
        resumed.append(_last_saved(folder / "killed"))
    _finish([*call, "--out", str(folder / "killed"), "--resume"], folder / "killed.txt")
    different, compared = compare(folder / "whole", folder / "killed")
    return Drilled(tuple(killed), tuple(resumed), tuple(different), compared, time.monotonic() - begun)


def compare(one: Path, other: Path) -> tuple[list[str], int]:
    """(names of what differs, how much was compared) between the last checkpoints and the weights of two runs."""
    from lipsync_core.train import checkpoint

    ends = [checkpoint.newest(folder / "checkpoints") for folder in (one, other)]
    first, second = (dict(_leaves("", end)) for end in ends)
    different = [name for name in sorted({*first, *second}) if not _same(first.get(name), second.get(name))]
    files = [(folder / "weights.safetensors").read_bytes() for folder in (one, other)]
    if files[0] != files[1]:
        different.append("weights.safetensors")
    return different, len({*first, *second}) + 1


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(f"{name}.{key}".lstrip("."), one)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _leaves(f"{name}.{number}", one)
    else:
        yield name, value


def _same(one: Any, other: Any) -> bool:
    import torch

    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        # As bytes: -0 is not 0 here, and a NaN is itself.
        return bool(torch.equal(*(t.contiguous().reshape(-1).view(torch.uint8) for t in (one, other))))
    return bool(one == other) or (one != one and other != other)


def kill(call: Sequence[str], log: Path, target: int, said: Path) -> int:
    """Start a run and kill it (SIGKILL) once it has logged ``target``; the step that it logged last.

    said: what it prints is added to this file. Raises ``DrillError`` when it ends by itself before.
    """
    with said.open("a") as out:
        run = subprocess.Popen(call, stdout=out, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while (done := _last_logged(log)) < target:
                if run.poll() is not None or time.monotonic() > deadline:
                    raise DrillError(f"the run ended before step {target}: {_tail(said)}")
                time.sleep(_POLL_S)
        finally:
            run.kill()
            run.wait()
    return max(done, _last_logged(log))


def _finish(call: Sequence[str], said: Path) -> None:
    with said.open("a") as out:
        code = subprocess.run(call, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise DrillError(f"the run failed: {_tail(said)}")


def _last_logged(log: Path) -> int:
    if not log.exists():
        return 0
    return max((line["step"] for line in read_log(log) if "losses" in line), default=0)


def _last_saved(run: Path) -> int:
    from lipsync_core.train import checkpoint

    paths = checkpoint.found(run / "checkpoints")
    return checkpoint.step_of(paths[-1]) if paths else 0


def _tail(path: Path) -> str:
    lines = path.read_text().splitlines()
    return lines[-1] if lines else "it said nothing"


def main(arguments: list[str] | None = None) -> int:
    """0 when every bit is the same, 1 when not, 2 when a run failed."""
    parser = argparse.ArgumentParser("python -m lipsync_core.train.drill", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="a new folder for both runs")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="SECTION.KEY=VALUE")
    given = parser.parse_args(arguments)
    options = [part for change in given.changes for part in ("--set", change)]
    try:
        told = drill(given.config, given.out, given.steps, given.kills, given.seed, options=options)
    except DrillError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(told)
    (given.out / "drill.json").write_text(json.dumps(asdict(told), indent=1))
    return 1 if told.different else 0


if __name__ == "__main__":
    sys.exit(main())
