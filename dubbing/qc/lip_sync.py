"""Repainted mouths, by the figures of the lip-sync engine's judge (a face tracker run afresh on the finished file)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import QcDub

LIP_SYNC = "lip_sync"


@dataclass(frozen=True, slots=True)
class _Bar:
    """A figure is fine from ``low`` to ``high``, and refused outside ``far`` below or above them."""

    title: str
    low: float | None
    high: float | None
    far: float


#: The bars of the judge (lipsync_core.metrics), with how far beyond one a finished dub is refused.
BARS = {
    "closure_hits": _Bar("share of p, b and m at which the lips touch", 0.95, None, 0.15),
    "closure_teeth": _Bar("share of closures at which teeth show", None, 0.05, 0.15),
    "opening_r": _Bar("how well the mouth follows what is said", 0.9, None, 0.2),
    "opening_lag_ms": _Bar("lag of the mouth in ms", -20.0, 20.0, 25.0),
    "silence_leak": _Bar("share of pauses in which the mouth moves", None, 0.03, 0.2),
    "seam_ratio": _Bar("edge of the repaint", 0.9, 1.1, 0.15),
    "sharpness_ratio": _Bar("sharpness of the mouth", 0.85, 1.15, 0.25),
    "identity_ratio": _Bar("likeness of the mouth to the speaker's own", 0.98, None, 0.06),
    "jitter_ratio": _Bar("trembling of the lips", None, 1.2, 0.6),
    "outside_psnr_db": _Bar("picture outside the lower face in dB", 45.0, None, 6.0),
}


def lip_sync(dub: QcDub) -> Iterator[Finding]:
    """Figures beyond their bars; nothing where no mouth was repainted."""
    for key, bar in BARS.items():
        value = dub.lip_sync.get(key)
        if value is None:
            continue
        if bar.low is not None and value < bar.low:
            limit, beyond = bar.low, bar.low - value
        elif bar.high is not None and value > bar.high:
            limit, beyond = bar.high, value - bar.high
        else:
            continue
        yield Finding(
            LIP_SYNC, Severity.ERROR if beyond > bar.far else Severity.WARNING, "",
            f"Lip-sync, {bar.title}: {value:.2f}; at least {limit:.2f} is wanted." if bar.low == limit else
            f"Lip-sync, {bar.title}: {value:.2f}; at most {limit:.2f} is wanted.", round(value, 4), limit, subject=key)
