"""From a trained generator to weights that can be given away: measured, with a model card.

``python -m lipsync_core.train.generator_card WEIGHTS SHARDS --out FILE [--real SHARDS] [--clips N] [--frames N]
[--sheet PICTURE.png] [--note TEXT]``. WEIGHTS come from a run; SHARDS are those it was trained on, whose split ``test``
has people that no run has seen. ``--real``: shards of recorded people, measured too and never learnt from. Each clip is
made three times: with its own sound, with another clip's (what then still agrees with the truth was copied or guessed,
not heard), and not at all: the reference's mouth instead. Writes FILE (float16, card in its header) and the same as a
page, ``.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from lipsync_core.train import card as cards
from lipsync_core.train.data.shards import Shards
from lipsync_core.train.embedder import load_embedder
from lipsync_core.train.expert import spread
from lipsync_core.train.expert_card import LICENCE
from lipsync_core.train.files import write_atomic
from lipsync_core.train.networks.expert import EMBEDDED, load_expert
from lipsync_core.train.networks.generator import build
from lipsync_core.train.validate import Validation, Validator, first

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_core.train.types import Clip

_DATA = ("rendered heads speaking with synthesised voices in several languages (samples/corpus.py); no picture and no "
         "sound of a real person")
_LIMITS = ("Learnt from rendered heads alone, few of them, and for a short time. A recorded person's mouth hardly "
           "follows the sound (see the figures: better than another sound or no change, and not good), and all mouths "
           "are softer than the pictures around them: teeth are a light blur. Faces turned far away, long beards and "
           "things before the mouth are painted badly; where the reference is turned otherwise, a seam shows at the "
           "nose. A start for adaptation to a speaker; use the atlas where quality matters.")
_KINDS = ("own", "other", "reference")
#: What the page shows of each clip's figures, in this order, where it is there.
_SHOWN = ("opening_r", "lag_ms", "amplitude", "closure_hits", "false_closures", "lip_distance", "sharpness", "jitter",
          "psnr_db", "ssim", "csim", "judge_distance", "judge_distance_true")


def measure(network: Any, clips: list[Clip], models: Path | None, frames: int) -> dict[str, Validation]:
    """``own`` sound, ``other`` clip's sound, and ``reference``: the reference's lower face in the place of a made one.

    The truth of the second and third is that of the first.
    """
    import torch

    def paint(mels: Tensor, face: Tensor) -> Tensor:
        return network(mels, face)

    def copy(_mels: Tensor, face: Tensor) -> Tensor:
        return face[:, 3:]

    clips = [first(clip, frames) for clip in clips]
    judge = EMBEDDED.with_name("sync_judge.safetensors")
    experts = {"judge": load_expert(judge)} if judge.is_file() else {}
    with torch.no_grad():
        own = Validator(clips, models, load_embedder(), experts)
        found = {"own": own(paint), "reference": own(copy)}
        # The pictures stay; only what is heard comes from the next clip, around the end where that one is shorter.
        others = [replace(clip, mel=np.take(other.mel, np.arange(clip.mel.shape[1]), 1, mode="wrap"))
                  for clip, other in zip(clips, clips[1:] + clips[:1], strict=True)]
        found["other"] = Validator(others, models, load_embedder(), experts)(paint)
    return found


def told(found: Mapping[str, Validation]) -> dict[str, Any]:
    """Plain figures for a card."""
    figures = {name: {key: round(one.figures[key], 4) for key in _SHOWN
                      if key in one.figures and np.isfinite(one.figures[key])} for name, one in found.items()}
    own = found["own"]
    return {"clips": len(own.clips), "frames": own.frames, "closures": own.closures} | figures


def page(name: str, card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    data = ", ".join(f"{key} {value}" for key, value in card["data"].items() if key != "what")
    lines = [f"# Generator: `{name}`", "", card["note"], "",
             f"- Network: `{card['network']}`, {card['parameters']:,} parameters, float16",
             f"- Licence: {card['licence']}", f"- Data: {card['data']['what']}; {data}",
             f"- Training: {card['step']} steps in the last stretch, seed {card['config']['loop']['seed']}; its whole "
             "configuration is in the file's header",
             f"- Limits: {card['limits']}", ""]
    for where, metrics in card["metrics"].items():
        lines += [f"## Measured on {where.replace('_', ' ')}", "",
                  f"{metrics['clips']} clips, {metrics['frames']} frames, {metrics['closures']} closures; by a mesh "
                  "read off the made pictures. The rows are explained in `lipsync_core.train.validate.FIGURES`; the "
                  "judge is not the expert that taught, and asks of the second column whether it fits that other "
                  "sound. The reference is chosen to differ from the truth, hence correlations below 0.", "",
                  "| figure | generator | the same with another clip's sound | the reference's mouth, unchanged |",
                  "|---|---|---|---|"]
        lines += [f"| {key.replace('_', ' ')} | " + " | ".join(
            f"{metrics[kind][key]:.3g}" if key in metrics[kind] else "" for kind in _KINDS) + " |"
            for key in _SHOWN if key in metrics["own"]] + [""]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str] | None = None) -> int:
    """0 when written."""
    parser = argparse.ArgumentParser(prog="python -m lipsync_core.train.generator_card", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--models", type=Path, help="folder of the face networks")
    parser.add_argument("--clips", type=int, default=0, help="of each place; 0 for all")
    parser.add_argument("--frames", type=int, default=100, help="of each clip; 0 for all")
    parser.add_argument("--sheet", type=Path, help="where to draw true faces above made ones")
    parser.add_argument("--note", default="", help="a sentence for the head of the page")
    given = parser.parse_args(arguments)
    state, card = cards.read_weights(given.weights)
    network = build(card["network"]).eval()
    network.load_state_dict(state, strict=False)
    size = int(card["network"]["size"])
    metrics: dict[str, Any] = {}
    sheets = []
    places = (("held_out_rendered_people", given.shards, "test"), ("recorded_people", given.real, None))
    for name, folder, split in places:
        if folder is not None:
            found = measure(network, spread(Shards(folder, size, split), given.clips), given.models, given.frames)
            metrics[name] = told(found)
            sheets.append(found["own"].sheet)
    # Where things lay on the machine that trained is nobody's business.
    card["config"]["data"]["shards"] = given.shards.name
    card["config"]["judges"] = {key: Path(str(value)).name for key, value in card["config"]["judges"].items()}
    about = {key: Path(str(value)).name if isinstance(value, str) else value for key, value in card["data"].items()}
    card |= {"metrics": metrics, "licence": LICENCE, "limits": _LIMITS, "note": given.note,
             "data": {"what": _DATA} | about, "parameters": sum(value.numel() for value in state.values())}
    cards.save_weights(given.out, state, card)
    text = given.out.with_suffix(".md")
    write_atomic(text, page(given.out.name, card))
    if given.sheet is not None:
        width = max(sheet.shape[1] for sheet in sheets)
        cv2.imwrite(str(given.sheet), np.concatenate(
            [np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0))) for sheet in sheets]))
    print(text.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
