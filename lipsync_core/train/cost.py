"""``python -m lipsync_core.train.cost [CONFIG ...]``: what a step of each run costs here, in time and memory.

Every configuration (by default those that come with the package) is trained for a few steps on shards of coloured
noise, with judges that have learnt nothing, in a process of its own: what is measured is the run itself, with reading,
decoding, forward, backward and optimizer. Seconds are the clock's, core seconds the processor's own: on a machine that
others use, too, the latter say more. A line is appended to ``bench/training.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from lipsync_core.bench import report as history
from lipsync_core.train.types import LIP_POINTS, SAMPLES_PER_FRAME, Clip, ClipInfo

CONFIGS = Path(__file__).resolve().parent / "configs"
HISTORY = history.HISTORY.with_name("training.jsonl")
#: Runs of the ablation cost what the small generator costs.
DEFAULT = ("expert", "judge", "expert_wav2lip", "embedder", "generator_96", "generator_192", "generator_256",
           "generator_wav2lip", "ablation_l1", "ablation_l1_expert_identity", "ablation_l1_critic_identity")
_SIZES, _PEOPLE, _FRAMES = (96, 192, 256), 8, 30
_WARM_STEPS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every run could be measured."""
    parser = argparse.ArgumentParser("python -m lipsync_core.train.cost", description=__doc__.split("\n")[0])
    parser.add_argument("configs", type=Path, nargs="*", help="default: those that come with the package")
    parser.add_argument("--batch", type=int, default=8, help="rows of a step (default 8)")
    parser.add_argument("--steps", type=int, default=6, help="of which the first two are not counted (default 6)")
    parser.add_argument("--precision", nargs="+", default=["auto"], choices=["auto", "fp32", "bf16", "fp16"])
    parser.add_argument("--history", type=Path, default=HISTORY)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(_measured(**json.loads(options.one))))
        return 0
    configs = options.configs or [CONFIGS / f"{name}.toml" for name in DEFAULT]
    rows: list[history.Row] = []
    failed = 0
    with tempfile.TemporaryDirectory(prefix="lipsync-cost-") as name:
        folder = Path(name)
        make_noise(folder / "shards")
        make_judges(folder)
        for config in configs:
            for precision in options.precision:
                asked = {"config": str(config.absolute()), "folder": str(folder), "batch": options.batch,
                         "steps": max(options.steps, _WARM_STEPS + 1), "precision": precision}
                done = subprocess.run([sys.executable, "-m", "lipsync_core.train.cost", "--one", json.dumps(asked)],
                                      capture_output=True, text=True, check=False)
                if done.returncode:
                    failed += 1
                    print(f"{config.stem}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                    continue
                rows.append(json.loads(done.stdout.splitlines()[-1]))
                print(config.stem, file=sys.stderr)
    if rows:
        import torch

        (device,) = {row.pop("device") for row in rows}
        print(f"{device}\n{history.table(rows)}")
        history.keep(history.record("cost of training", device, rows, torch=torch.__version__, batch=options.batch),
                     options.history)
    return 1 if failed else 0


def make_noise(folder: Path) -> None:
    """Shards of clips that show nothing, of every size."""
    from lipsync_core.models.mel import log_mel
    from lipsync_core.train.data.shards import pack, write_index, write_shard

    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    shards = []
    for number, (split, people) in enumerate((("train", _PEOPLE), ("val", 1))):
        packed = []
        for person in range(people):
            info = ClipInfo(f"{split}{person}", f"{split}{person}", "noise", split, _FRAMES, 0, 1.0, 100.0)
            sound = random.normal(0, 0.1, _FRAMES * SAMPLES_PER_FRAME).astype(np.float32)
            lips = (0.5 + 0.1 * random.random((_FRAMES, LIP_POINTS, 2))).astype(np.float32)
            common = (sound, log_mel(sound).numpy(), lips, random.random(_FRAMES).astype(np.float32),
                      random.normal(0, 5, (_FRAMES, 3)).astype(np.float32), np.ones(_FRAMES, bool))
            packed.append(pack({size: Clip(info, _coloured(random, size), *common) for size in _SIZES}))
        write_shard(folder, f"{number:05d}", packed)
        shards.append({"name": f"{number:05d}", "split": split, "clips": people, "frames": people * _FRAMES})
    write_index(folder, _SIZES, shards)


def make_judges(folder: Path) -> None:
    """An expert of either kind and an embedder with random weights."""
    from lipsync_core.train.card import save_weights
    from lipsync_core.train.networks.expert import build
    from lipsync_core.train.networks.identity_net import FaceEmbedder

    for name, network in (("temporal", build({"kind": "temporal"})), ("wav2lip", build({"kind": "wav2lip"}))):
        save_weights(folder / f"{name}.safetensors", network.state_dict(),
                     {"kind": "sync-expert", "network": network.config(), "calibration": {"scale": 8.0, "bias": -4.0}})
    embedder = FaceEmbedder()
    save_weights(folder / "embedder.safetensors", embedder.state_dict(),
                 {"kind": "face-embedder", "network": embedder.config()})


def _coloured(random: np.random.Generator, size: int) -> Any:
    import cv2

    coarse = random.integers(0, 256, (_FRAMES, 12, 12, 3)).astype(np.uint8)
    return np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in coarse])


def _measured(config: str, folder: str, batch: int, steps: int, precision: str) -> history.Row:
    """One row, in this process."""
    import torch

    from lipsync_core.train import run as runs
    from lipsync_core.train.loop import Trainer
    from lipsync_core.train.place import find

    described = runs.read(config, _changes(Path(config), Path(folder), batch, steps, precision))
    place = find(described.loop.device, precision)
    task = runs.task_class(described.task).build(described, place)
    begun: list[tuple[float, float]] = []
    loss = task.loss

    def timed(step: int) -> Mapping[str, Any]:
        begun.append((time.perf_counter(), time.process_time()))
        return loss(step)

    task.loss = timed
    # Without a folder nothing is written, so that the last step ends when ``fit`` does.
    Trainer(task, described.optimizer, described.loop, place, None, say=lambda _line: None).fit()
    begun.append((time.perf_counter(), time.process_time()))
    seconds, core_seconds = np.diff(begun, axis=0)[_WARM_STEPS:].T
    on_card = place.device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() / 2**20 if on_card else resource.getrusage(
        resource.RUSAGE_SELF).ru_maxrss / 1024
    first = next(iter(task.networks().values()))
    return {"group": f"batch {batch}, {torch.get_num_threads()} threads", "name": Path(config).stem,
            "parameters_m": round(sum(p.numel() for p in first.parameters()) / 1e6, 2), "precision": place.precision,
            "s_per_step": round(median(seconds.tolist()), 3),
            "core_s_per_step": round(median(core_seconds.tolist()), 3), "peak_mb": round(peak),
            "device": torch.cuda.get_device_name(place.device) if on_card else history.processor()}


def _changes(config: Path, folder: Path, batch: int, steps: int, precision: str) -> list[str]:
    """The run as it is, but short, on noise, and with judges at hand."""
    import tomllib

    table = tomllib.loads(config.read_text(encoding="utf-8"))
    rows = ("data.people", "data.pictures") if table["task"] == "embedder" else ("data.batch", None)
    made = [f'data.shards="{folder / "shards"}"', f"loop.steps={steps}", "loop.validate=-1", "loop.save=0",
            f'loop.precision="{precision}"', 'loop.best=""']
    made.append(f"{rows[0]}={max(batch // 4, 2) if rows[1] else batch}")
    if table["task"] in ("expert", "judge"):
        made.append('data.people="all"')
    given = table.get("judges", {})
    kind = "wav2lip" if table.get("losses", {}).get("sync_form") == "published" else "temporal"
    for name, file in (("expert", kind), ("judge", "none"), ("embedder", "embedder")):
        if given.get(name, "none") != "none":
            made.append(f'judges.{name}="{"none" if file == "none" else folder / f"{file}.safetensors"}"')
    return made


if __name__ == "__main__":
    sys.exit(main())
