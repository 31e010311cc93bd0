"""From a trained expert or embedder to weights that can be given away: measured, with a model card.

``python -m lipsync_core.train.expert_card WEIGHTS SHARDS --out FILE [--real SHARDS] [--note TEXT]``. WEIGHTS come from
a run; SHARDS are those it was trained on, whose split ``test`` has people that no run has seen. The calibration is
fitted to the split ``val``. ``--real``: shards of recorded people, measured too and never learnt from. Writes FILE
(float16, card in its header) and beside it the same as a page, ``.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_core.train import card as cards
from lipsync_core.train import sync_measure
from lipsync_core.train.data.shards import Shards
from lipsync_core.train.embedder import held_out, likeness, load_embedder
from lipsync_core.train.files import write_atomic
from lipsync_core.train.networks.expert import load_expert

LICENCE = "Apache-2.0"
_DATA = ("rendered heads speaking with synthesised voices in several languages (samples/corpus.py); no picture and no "
         "sound of a real person")
_LIMITS = {
    "sync-expert": ("Learnt from rendered heads alone and from few of them: recorded people are judged less surely "
                    "(see the figures). Windows of five frames in which nothing is said, or the mouth hardly moves, "
                    "cannot be judged by anyone. Not a measure of quality: what it has taught must be judged by "
                    "something else."),
    "face-embedder": ("Tells a drift of a face from itself, not people at a border: learnt from few rendered heads. "
                      "Background, hair and light are part of what it has learnt. Use an ArcFace file of your own "
                      "where identity matters."),
}
_TITLES = {"temporal": "Sync expert (teacher)", "grey": "Sync judge (independent of the teacher)",
           "wav2lip": "Sync expert (Wav2Lip's layout)", "face-embedder": "Face embedder"}


def expert_metrics(path: Path, shards: Shards, calibrate_on: Shards | None = None) -> dict[str, Any]:
    """Figures of an expert on all clips of ``shards``; with ``calibrate_on`` also its calibration, fitted there."""
    expert = load_expert(path)
    calibration = None
    if calibrate_on is not None and len(calibrate_on):
        found = sync_measure.matrices(expert, calibrate_on)
        calibration = sync_measure.fit_calibration(*sync_measure.pairs(found))
        expert.calibrate(*calibration)
    told = sync_measure.figures(sync_measure.matrices(expert, shards), float(expert.scale), float(expert.bias))
    decision = [share for offset, share in told.decision.items() if offset >= 5]
    metrics = {"clips": told.clips, "people": told.people, "windows": told.windows,
               "in_sync_against": {str(k): round(v, 4) for k, v in told.pairwise.items()},
               "in_sync_against_5_to_15": told.pairwise_from(5), "decision_5_to_15": float(np.mean(decision)),
               "nearest_of_31": told.top1, "nearest_within_a_frame": told.top3, "clips_found": told.found_share(),
               "area_under_curve": told.auc, "calibration_error": told.ece,
               "offsets_found": [clip["offset"] for clip in told.found]}
    rounded = _rounded(metrics)
    return rounded if calibration is None else rounded | {"calibration": calibration}


def page(name: str, card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    kind = card["network"]["kind"]
    lines = [f"# {_TITLES[kind]}: `{name}`", "", card["note"], "",
             f"- Network: `{card['network']}`, {card['parameters']:,} parameters, float16",
             f"- Licence: {card['licence']}", f"- Data: {card['data']['what']}; {_said(card['data'])}",
             f"- Training: {card['step']} steps, seed {card['config']['loop']['seed']}, "
             f"{card['config']['loop']['precision']}; the whole configuration is in the file's header",
             f"- Limits: {card['limits']}", ""]
    for where, metrics in card["metrics"].items():
        lines += [f"## Measured on {where.replace('_', ' ')}", ""]
        against = metrics.get("in_sync_against")
        if against:
            chosen = [k for k in ("2", "3", "4", "5", "7", "10", "15") if k in against]
            lines += ["| sound shifted by (frames) | " + " | ".join(f"±{k}" for k in chosen) + " | ±5 to ±15 |",
                      "|---|" + "---|" * (len(chosen) + 1),
                      "| own sound is nearer | " + " | ".join(f"{against[k]:.1%}" for k in chosen)
                      + f" | {metrics['in_sync_against_5_to_15']:.1%} |", ""]
        lines += [f"- {key.replace('_', ' ')}: {value}" for key, value in metrics.items()
                  if key not in ("in_sync_against", "in_sync_against_5_to_15")] + [""]
    return "\n".join(lines).rstrip() + "\n"


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Four digits; what cannot be said of so few clips or people is left out."""
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()
            if not isinstance(value, float) or np.isfinite(value)}


def _said(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in data.items() if key != "what")


def main(arguments: list[str] | None = None) -> int:
    """0 when written."""
    parser = argparse.ArgumentParser(prog="python -m lipsync_core.train.expert_card", description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--note", default="", help="a sentence for the head of the page")
    given = parser.parse_args(arguments)
    state, card = cards.read_weights(given.weights)
    places = [("held_out_rendered_people", given.shards, "test")]
    places += [("recorded_people", given.real, None)] if given.real else []
    metrics: dict[str, Any] = {}
    for name, folder, split in places:
        shards = Shards(folder, given.size, split)
        if card["kind"] == "sync-expert":
            metrics[name] = expert_metrics(given.weights, shards, Shards(given.shards, given.size, "val"))
            card["calibration"] = dict(zip(("scale", "bias"), metrics[name].pop("calibration"), strict=True))
        else:
            found = likeness(load_embedder(given.weights), *held_out(shards))
            metrics[name] = _rounded(found)
    # Where the shards lay on the machine that trained is nobody's business.
    card["config"]["data"]["shards"] = given.shards.name
    card |= {"metrics": metrics, "licence": LICENCE, "limits": _LIMITS[card["kind"]], "note": given.note,
             "data": {"what": _DATA} | card["data"],
             "parameters": sum(v.numel() for k, v in state.items() if "running_" not in k)}
    cards.save_weights(given.out, state, card)
    text = given.out.with_suffix(".md")
    write_atomic(text, page(given.out.name, card))
    print(text.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
