"""``python -m lipsync_core.train CONFIG.toml``: train a generator, an expert, a judge or an embedder.

On several devices: ``torchrun --nproc-per-node 4 -m lipsync_core.train CONFIG.toml``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """0 when trained, or stopped in order by time or a signal; 2 when the configuration or the folder is no good."""
    parser = argparse.ArgumentParser("python -m lipsync_core.train", description=__doc__)
    parser.add_argument("config", type=Path, help="a run: which task, which data, how long")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/NAME beside the configuration)")
    parser.add_argument("--resume", action="store_true", help="continue what is in the folder of the run")
    parser.add_argument("--seconds", type=float, help="stop in order after so long")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="changes",
                        help="another value than in the file; may be given often")
    parser.add_argument("--exact", action="store_true",
                        help="on CUDA, the same bits in every run (slower); the CPU always computes so")
    given = parser.parse_args(arguments)
    if given.exact:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

    from lipsync_core.face.models import ModelError
    from lipsync_core.models.checkpoint import CheckpointError
    from lipsync_core.train import run
    from lipsync_core.train.checkpoint import ResumeError
    from lipsync_core.train.config import ConfigError
    from lipsync_core.train.data.shards import ShardError
    from lipsync_core.train.loop import TrainingError

    try:
        described = run.read(given.config, given.changes)
        _prepare(given.exact)
        folder = given.out or given.config.absolute().parent / "runs" / given.config.stem
        run.train(described, folder, resume=given.resume, seconds=given.seconds, source=given.config, say=_say)
    except (ConfigError, ResumeError, TrainingError, ShardError, CheckpointError, ModelError,
            OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _prepare(exact: bool) -> None:
    import torch

    if torch.cuda.is_available():
        torch.backends.cudnn.benchmark = not exact
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    if exact:
        torch.use_deterministic_algorithms(True, warn_only=True)


if __name__ == "__main__":
    sys.exit(main())
