"""The finished mix: clipping, loudness, true peak."""

from __future__ import annotations

from collections.abc import Iterator

from dubbing.domain.loudness import PEAK_SLACK_DB, judge
from dubbing.domain.quality import Finding, Severity
from dubbing.qc.values import QcDub

CLIPPING, LOUDNESS, TRUE_PEAK = "clipping", "loudness", "true_peak"
#: A few samples at full scale are not heard.
CLIPPED_SAMPLES = (3, 50)
#: So far beyond its tolerance a mix is refused.
_FAR_LU, _FAR_DB = 1.0, 1.0


def clipping(dub: QcDub) -> Iterator[Finding]:
    """Lines that stand at full scale."""
    for line in dub.lines:
        if line.clipped_samples < CLIPPED_SAMPLES[0]:
            continue
        is_heard = line.clipped_samples >= CLIPPED_SAMPLES[1]
        yield Finding(CLIPPING, Severity.ERROR if is_heard else Severity.WARNING, line.id,
                      f"{line.clipped_samples} samples are clipped.", float(line.clipped_samples),
                      float(CLIPPED_SAMPLES[is_heard]), "samples", line.start_ms)


def loudness(dub: QcDub) -> Iterator[Finding]:
    """A mix that is louder or softer than its preset wants."""
    if dub.loudness is None:
        return
    verdict = judge(dub.preset, dub.loudness, dub.source_loudness)
    if verdict.is_loudness_kept or verdict.found is None or verdict.target is None:
        return
    off = verdict.found - verdict.target
    yield Finding(
        LOUDNESS, Severity.ERROR if abs(off) > dub.preset.tolerance + _FAR_LU else Severity.WARNING, "",
        f"The mix is at {verdict.found:.1f} LUFS; {dub.preset.title} asks for {verdict.target:.1f} ± "
        f"{dub.preset.tolerance:g}.", round(verdict.found, 2), round(verdict.target, 2), "LUFS", subject=dub.preset.id)


def true_peak(dub: QcDub) -> Iterator[Finding]:
    """A mix whose peaks between samples are over the ceiling of its preset."""
    if dub.loudness is None or dub.loudness.true_peak is None:
        return
    verdict = judge(dub.preset, dub.loudness, dub.source_loudness)
    if verdict.is_peak_kept:
        return
    peak = dub.loudness.true_peak
    yield Finding(
        TRUE_PEAK, Severity.ERROR if peak > verdict.ceiling + PEAK_SLACK_DB + _FAR_DB else Severity.WARNING, "",
        f"The true peak is {peak:.1f} dBTP; {dub.preset.title} allows {verdict.ceiling:.1f}.", round(peak, 2),
        round(verdict.ceiling, 2), "dBTP", subject=dub.preset.id)
