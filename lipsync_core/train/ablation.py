"""Does a frozen expert make a better generator? Train the variants alike, let others judge, say what came out.

    python -m lipsync_core.train.ablation SHARDS [--real SHARDS_OF_REAL_CLIPS] [--steps N] [--seconds S] [--out DIR]

Six generators begin with the same weights and see the same batches for the same number of steps: L1 alone, with a
frozen expert, with a critic that is trained beside the generator instead, each without and with identity loss. They
are judged on people that nobody has learnt from, by a fresh mesh and by an expert of another architecture that other
people trained; the teacher's own figure is shown and not counted.

Interrupted or out of time (``--seconds``), the same command goes on; several processes may share one folder. The
table, sheets (PNG) and ``ablation.json`` lie in ``--out``; a line is appended to ``bench/training.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lipsync_core.train.ablation_jury import CONTROLS, JUDGED, Jury
from lipsync_core.train.ablation_report import Report
from lipsync_core.train.ablation_runs import (
    VARIANTS,
    AblationError,
    Stopped,
    Variant,
    owned,
    same_settings,
    train,
    write_json,
)
from lipsync_core.train.validate import Mesh

Say = Callable[[str], None]
_say: Say = partial(print, flush=True)
_DONE = "trained.json"
_NOT_YET = 3
_QUICK_STEPS, _QUICK_CLIPS, _QUICK_FRAMES = 6, 2, 25
_QUICK = ("data.batch=2", "generator.width=0.34", "optimizer.warmup=1")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m lipsync_core.train.ablation", description=__doc__.split("\n")[0])
    made.add_argument("shards", type=Path, help="folder of lipsync_core.train.data: trained on its split train, judged "
                                                "on val and test")
    made.add_argument("--real", type=Path, help="shards of other clips, all of which are judged")
    made.add_argument("--out", type=Path, default=Path("runs/ablation"), help="folder (default runs/ablation)")
    made.add_argument("--steps", type=int, default=600, help="of every variant (default 600)")
    made.add_argument("--seeds", type=int, nargs="+", default=[0], help="repeat everything with these seeds")
    made.add_argument("--seconds", type=float, help="stop in order after so long; the same command goes on")
    made.add_argument("--start", type=Path, help="weights of a generator that all variants continue")
    made.add_argument("--expert", type=Path, help="the teacher (default: the embedded one)")
    made.add_argument("--judge", type=Path, help="the independent judge (default: the embedded one)")
    made.add_argument("--embedder", type=Path, help="whose face it is, for loss and figure (default: the embedded one)")
    made.add_argument("--clips", type=int, default=16, help="judged of each group, spread over its people (0: all)")
    made.add_argument("--frames", type=int, default=75, help="judged of each clip (0: all)")
    made.add_argument("--models", type=Path, help="folder of the face networks (default: the machine's own)")
    made.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="changes",
                      help="another value for all variants' configurations")
    made.add_argument("--only", nargs="+", choices=[v.slug for v in VARIANTS], help="these variants alone")
    made.add_argument("--history", type=Path, help="JSON lines to append to (default: bench/training.jsonl)")
    made.add_argument("--quick", action="store_true", help="a try: few steps, few clips, no line in the history")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all is trained and judged, 3 when time ran out or a signal came before, 2 when it cannot be done."""
    from lipsync_core.face.models import ModelError
    from lipsync_core.models.checkpoint import CheckpointError
    from lipsync_core.train.checkpoint import ResumeError
    from lipsync_core.train.config import ConfigError
    from lipsync_core.train.data.shards import ShardError
    from lipsync_core.train.loop import TrainingError

    options = parser().parse_args(arguments)
    try:
        return run(options)
    except Stopped:
        return _NOT_YET
    except (AblationError, CheckpointError, ConfigError, ModelError, ResumeError, ShardError, TrainingError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace, mesh: Mesh | None = None, say: Say = _say) -> int:
    """As ``main``, raising what goes wrong; ``mesh`` may take the place of the face networks."""
    if options.quick:
        options.steps = min(options.steps, _QUICK_STEPS)
        options.clips, options.frames = _QUICK_CLIPS, _QUICK_FRAMES
    ends = float("inf") if options.seconds is None else time.monotonic() + options.seconds
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    same_settings(out / "settings.json", settings(options))
    variants = [v for v in VARIANTS if options.only is None or v.slug in options.only]
    jury = jury_of(options, mesh)
    # Judges are asked when everything is trained: all variants get their time before any is looked at.
    for work in (_train, _judge):
        for seed, variant in ((seed, variant) for seed in options.seeds for variant in variants):
            folder = out / f"{variant.slug}_seed{seed}"
            with owned(folder) as is_mine:
                # What another process holds is its to do, and what comes after the end is the next call's.
                if is_mine and time.monotonic() < ends:
                    work(variant, seed, folder, options, ends, jury, say)
    if time.monotonic() < ends:
        jury.judge_controls(out / CONTROLS)
    report = Report(out, variants, options.seeds)
    say(report.text())
    missing = report.missing()
    if missing:
        say(f"Not there yet: {', '.join(missing)}; the same command goes on.")
        return _NOT_YET
    report.write()
    if not options.quick:
        report.keep(options.history, {"steps": options.steps, "clips": options.clips, "frames": options.frames,
                                      "changes": options.changes, "started_from_weights": options.start is not None})
    return 0


def jury_of(options: argparse.Namespace, mesh: Mesh | None = None) -> Jury:
    """Who judges the variants that these options ask for."""
    from lipsync_core.train import run as runs

    data = runs.read(VARIANTS[0].config, changes_of(options, VARIANTS[0], 0))["data"]
    return Jury(options.shards, options.real, options.expert, options.judge, options.embedder, options.start,
                options.clips, options.frames, data.size, data.hole, options.models, mesh)


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """What must not change between a call and its continuation."""
    names = ("shards", "real", "start", "expert", "judge", "embedder")
    files = {name: None if getattr(options, name) is None else str(getattr(options, name).absolute()) for name in names}
    return files | {"steps": options.steps, "clips": options.clips, "frames": options.frames,
                    "changes": list(options.changes), "quick": options.quick}


def changes_of(options: argparse.Namespace, variant: Variant, seed: int) -> list[str]:
    """What is set in a variant's configuration, as ``config.read`` wants it."""
    made = [f"data.shards={_quoted(options.shards)}", f"loop.steps={options.steps}", f"loop.seed={seed}"]
    made += [*(_QUICK if options.quick else ()), *options.changes]
    for name in ("start", *variant.uses):
        if getattr(options, name) is not None:
            made.append(f"judges.{name}={_quoted(getattr(options, name))}")
    return made


def _train(variant: Variant, seed: int, folder: Path, options: argparse.Namespace, ends: float, _jury: Jury,
           say: Say) -> None:
    """Train one variant as far as the time allows, unless it is done."""
    done = folder / _DONE
    if done.is_file():
        return
    say(f"{variant.name}, seed {seed}")
    seconds = None if options.seconds is None else ends - time.monotonic()
    trained = train(variant, folder, changes_of(options, variant, seed), seconds=seconds, say=say)
    if trained.is_told:
        raise Stopped
    if trained.is_done:
        write_json(done, {"steps": trained.steps, "last_call_seconds": round(trained.seconds, 1)})


def _judge(variant: Variant, seed: int, folder: Path, _options: argparse.Namespace, _ends: float, jury: Jury,
           say: Say) -> None:
    """Judge what is trained, unless it is judged."""
    if (folder / _DONE).is_file() and not (folder / JUDGED).is_file():
        say(f"judging {variant.name}, seed {seed}")
        jury.judge_run(folder)


def _quoted(path: Path) -> str:
    return json.dumps(str(path.absolute()))


if __name__ == "__main__":
    sys.exit(main())
