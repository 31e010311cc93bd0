"""What a judge found: figures against their bars, figures of each line, curves over time, and the worst moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lipsync_core.metrics.speech import Closure

#: Teeth that show more than this (0 to 1) are seen: closed mouths of talking heads reach 0.3, open ones start at 0.5.
TEETH = 0.4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bar:
    """What one figure means and must reach. low, high: the bounds that still pass, None where there is none."""

    key: str
    title: str
    meaning: str
    low: float | None
    high: float | None
    unit: str = ""

    def passes(self, value: float) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    @property
    def text(self) -> str:
        """The bar in words, such as "at least 0.90"."""
        low, high = (None if v is None else self.format(v) for v in (self.low, self.high))
        if low and high:
            return f"{low} to {high}"
        return f"at least {low}" if low else f"at most {high}" if high else "none"

    def format(self, value: float) -> str:
        if self.unit == "%":
            return f"{100 * value:.0f} %" if value in (0, 1) else f"{100 * value:.1f} %"
        if self.unit == "pixels":
            return f"{value:.0f}"
        if self.unit in ("ms", "dB"):
            return f"{value:.0f} {self.unit}" if self.unit == "ms" else f"{value:.1f} {self.unit}"
        return f"{value:.2f}" if abs(value) < 1 or self.key != "identity_ratio" else f"{value:.3f}"


BARS = (
    Bar("closure_hits", "Closures hit", "at every p, b and m the lips touch within 40 ms", 0.95, None, "%"),
    Bar("closure_teeth", "Teeth at closures", "share of the hit closures in which teeth show all the same",
        None, 0.05, "%"),
    Bar("opening_r", "Opening follows", "correlation of wanted and measured lip opening", 0.9, None),
    Bar("opening_lag_ms", "Lag", "shift of the best fit; above 0 the mouth is late", -20, 20, "ms"),
    Bar("silence_leak", "Moves in silence", "share of pauses in which the mouth moves or stands open",
        None, 0.03, "%"),
    Bar("outside_psnr_db", "Outside untouched", "PSNR outside the lower face, in the finished file", 45, None, "dB"),
    Bar("changed_outside", "Before encoding", "pixels changed there before the encoder", None, 0,
        "pixels"),
    Bar("seam_ratio", "Seam", "steps across the edge of the repaint, original = 1", 0.9, 1.1),
    Bar("sharpness_ratio", "Sharpness", "of the mouth, the speaker's own = 1", 0.85, 1.15),
    Bar("identity_ratio", "Identity", "likeness of texture, the speaker's own = 1", 0.98, None),
    Bar("jitter_ratio", "Jitter", "trembling of the lips' outline, original = 1", None, 1.2),
    Bar("motion_r", "Motion follows sound", "correlation of the lips' speed and loudness; needs no text", None, None),
    Bar("motion_lag_ms", "Motion lag", "shift of the best fit; above 0 the mouth is late", None, None, "ms"),
)
BAR_OF = {bar.key: bar for bar in BARS}


@dataclass(frozen=True, slots=True)
class LineJudgement:
    """One line's own figures (keys as in ``BARS``) and closures; closure times in ms of the video."""

    speaker: str
    start_ms: float
    end_ms: float
    values: dict[str, float]
    closures: tuple[Closure, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """What was measured in every judged frame, in time order; NaN where there was nothing to measure.

    frames: int32 [T]; times_ms: [T] of the video. wanted, measured: lip opening as a share of the speaker's range;
    original: the same in the original file. seam, sharpness, identity: ratios as in ``BARS``. trembling: RMS second
    difference of the lips over the original's. paused, leaking: bool [T].
    """

    frames: npt.NDArray[np.int32]
    times_ms: Floats
    wanted: Floats
    measured: Floats
    original: Floats
    seam: Floats
    sharpness: Floats
    identity: Floats
    trembling: Floats
    paused: npt.NDArray[np.bool_]
    leaking: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment worth looking at. ``what`` is a sentence and ``kind`` one or two words for it; ``severity`` is 1 at the
    bar and grows with the fault, 0 for a moment without one."""

    time_ms: float
    kind: str
    what: str
    severity: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything that was found about one finished file.

    values: figures by key, see ``BARS``; a figure that could not be measured is missing there and named in
    ``omitted`` with the reason. frames: judged frames; closures: judged closures. extras: figures of other judges
    (a network's), by their own keys.
    """

    values: dict[str, float]
    frames: int
    closures: int
    lines: tuple[LineJudgement, ...]
    curves: Curves
    omitted: dict[str, str] = field(default_factory=dict)
    extras: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> dict[str, bool]:
        """Per figure with a bar, whether it is met."""
        return {k: BAR_OF[k].passes(v) for k, v in self.values.items()
                if k in BAR_OF and not (BAR_OF[k].low is None and BAR_OF[k].high is None)}

    def summary(self) -> dict[str, float | int]:
        """Flat figures for a log or a table: the values, ``frames`` and ``closures``."""
        out: dict[str, float | int] = {"frames": self.frames}
        if "closure_hits" in self.values:
            out["closures"] = self.closures
        return out | self.values | self.extras

    def as_dict(self) -> dict[str, Any]:
        """For JSON: summary, bars, verdicts, lines, worst moments and what was left out; no NaN inside."""
        bars = {b.key: [b.low, b.high] for b in BARS if b.key in self.passed}
        lines = [{"speaker": n.speaker, "start_ms": round(n.start_ms), "end_ms": round(n.end_ms),
                  "missed_closures_ms": [round(c.time_ms) for c in n.closures if not c.is_hit],
                  **{k: round(v, 4) for k, v in n.values.items()}} for n in self.lines]
        worst = [{"time_ms": round(m.time_ms), "what": m.what} for m in self.worst()]
        return {"summary": {k: round(v, 4) for k, v in self.summary().items()}, "bars": bars, "passed": self.passed,
                "omitted": dict(self.omitted), "lines": lines, "worst": worst}

    def worst(self, count: int = 8, apart_ms: float = 320.0) -> list[Moment]:
        """The most faulty moments, at most one within ``apart_ms`` and a third of them of one kind, worst first."""
        found = sorted(self._faults(), key=lambda m: (-m.severity, m.time_ms))
        kept: list[Moment] = []
        for moment in found:
            alike = sum(k.kind == moment.kind for k in kept)
            if len(kept) < count and 3 * alike < count and all(
                    abs(moment.time_ms - k.time_ms) >= apart_ms for k in kept):
                kept.append(moment)
        return kept

    def _faults(self) -> list[Moment]:
        c = self.curves
        out = [Moment(closure.time_ms, "apart",
                      f"lips stay apart at a closure ({100 * closure.least_opening:.0f} % open)",
                      1.0 + 2 * closure.least_opening)
               for line in self.lines for closure in line.closures if not closure.is_hit]
        out += [Moment(closure.time_ms, "teeth", "teeth show at a closure", 1.0 + closure.teeth)
                for line in self.lines for closure in line.closures if closure.teeth > TEETH]
        checks: Sequence[tuple[str, Floats, float, str]] = (
            ("off", np.abs(_smoothed(c.measured - c.wanted)), 0.3, "the mouth is {:.0%} of its range off"),
            ("seam", _lasting(c.seam), 1.4, "a seam shows ({:.2f} times the original's steps)"),
            ("soft", 1 / np.maximum(_smoothed(c.sharpness), 0.05), 1 / 0.55, "the mouth is soft"),
            ("unlike", 1 / np.maximum(_smoothed(c.identity), 0.05), 1 / 0.85, "the mouth looks like somebody else's"),
            ("jump", c.trembling, 3.0, "the mouth jumps ({:.1f} times the original's usual)"),
            ("in a pause", np.where(c.leaking, 1.0, 0.0), 0.5, "the mouth moves in a pause"),
        )
        for kind, values, limit, words in checks:
            over = np.flatnonzero(np.nan_to_num(values, nan=0.0) > limit)
            for run in np.split(over, np.flatnonzero(np.diff(over) > 1) + 1):
                if len(run):
                    at = run[int(np.nanargmax(values[run]))]
                    value = float(values[at])
                    out.append(Moment(float(c.times_ms[at]), kind, words.format(value), value / limit))
        return out


def _lasting(values: Floats) -> Floats:
    """Median over five frames that ignores gaps: teeth that come and go at the lips' edge are no seam."""
    if len(values) < 5 or not np.isfinite(values).any():
        return values
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, constant_values=np.nan), 5)
    out = np.full(len(values), np.nan)
    known = np.isfinite(windows).sum(1) >= 3
    out[known] = np.nanmedian(windows[known], axis=1)
    return out


def _smoothed(values: Floats) -> Floats:
    """Mean over three frames that ignores gaps: one odd frame is no fault that a viewer sees."""
    if len(values) < 3:
        return values
    padded = np.concatenate([values[:1], values, values[-1:]])
    stacked = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0.0).sum(0)
    return np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)
