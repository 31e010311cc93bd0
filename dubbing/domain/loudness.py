"""Loudness presets of a finished mix, what was measured of one, and whether the two agree.

Loudness is in LUFS (LKFS is the same thing by another name), differences in LU, true peaks in dBTP, the loudness range
in LU: ITU-R BS.1770-4, EBU R 128 with Tech 3341 and 3342.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: How far over a ceiling a measured true peak may lie: BS.1770's own meter is no more exact than that.
PEAK_SLACK_DB = 0.1


@dataclass(frozen=True, slots=True)
class Preset:
    """What a delivery asks of a mix.

    target: integrated loudness in LUFS; None: the original's own. tolerance: LU either way. ceiling: highest true peak,
    dBTP. is_dialogue_gated: ``target`` is meant for the loudness while somebody speaks, not for the whole programme.
    """

    id: str
    title: str
    target: float | None
    tolerance: float
    ceiling: float
    is_dialogue_gated: bool = False


#: What a lossy codec may add to a peak.
ENCODING_DB = 1.0

#: The preset that leaves everything that is not dubbed as it is.
SOURCE = "source"

_ALL = (
    Preset(SOURCE, "As loud as the original", None, 1.0, -1.0),
    Preset("ebu-r128", "EBU R 128 (broadcast, Europe)", -23.0, 0.5, -1.0),
    Preset("netflix", "Netflix (dialogue-gated)", -27.0, 2.0, -2.0, is_dialogue_gated=True),
    Preset("atsc-a85", "ATSC A/85 (broadcast, North America)", -24.0, 2.0, -2.0),
    Preset("web-16", "Web, -16 LUFS", -16.0, 0.5, -1.0),
    Preset("web-14", "Web, -14 LUFS", -14.0, 0.5, -1.0),
)
PRESETS: Mapping[str, Preset] = {one.id: one for one in _ALL}


@dataclass(frozen=True, slots=True)
class Loudness:
    """What was measured. ``integrated`` and ``dialogue`` are None where nothing is loud enough to count (``dialogue``
    also where nobody said when somebody speaks), ``true_peak`` is None in digital silence."""

    integrated: float | None
    dialogue: float | None
    true_peak: float | None
    range: float

    def to_json(self) -> dict[str, float | None]:
        return {name: None if value is None else round(value, 2) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Loudness:
        return cls(data.get("integrated"), data.get("dialogue"), data.get("true_peak"), data.get("range") or 0.0)

    def of(self, preset: Preset) -> float | None:
        """The figure that the preset's target is about."""
        return self.dialogue if preset.is_dialogue_gated and self.dialogue is not None else self.integrated


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a mix keeps a preset. ``target`` and ``ceiling`` are those that applied, ``found`` the figure compared
    with ``target``; both are None where there was nothing to compare."""

    target: float | None
    found: float | None
    ceiling: float
    is_loudness_kept: bool
    is_peak_kept: bool

    @property
    def is_kept(self) -> bool:
        return self.is_loudness_kept and self.is_peak_kept


def judge(preset: Preset, measured: Loudness, source: Loudness | None = None) -> Verdict:
    """Compare a mix with a preset; ``source`` is the original's loudness, which preset ``source`` asks for.

    An original whose own peaks are over the ceiling is not turned down by that preset: its peaks are the ceiling then,
    and what encoding them anew adds.
    """
    target, ceiling = preset.target, preset.ceiling
    if preset.id == SOURCE and source is not None:
        target = source.integrated
        if source.true_peak is not None and source.true_peak > ceiling - ENCODING_DB:
            ceiling = max(ceiling, source.true_peak + ENCODING_DB)
    found = measured.of(preset)
    is_loud = target is None or found is None or abs(found - target) <= preset.tolerance + 1e-9
    is_below = measured.true_peak is None or measured.true_peak <= ceiling + PEAK_SLACK_DB
    return Verdict(target, found, ceiling, is_loud, is_below)
