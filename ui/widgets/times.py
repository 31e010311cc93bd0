"""Times as people read and type them: time codes, lengths, moments, sizes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from ui.text import t

_TIME_CODE = re.compile(r"(?:(?:(\d+):)?(\d{1,3}):)?(\d{1,5})(?:[.,](\d{1,3}))?")
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def timecode(ms: int, *, with_ms: bool = True) -> str:
    """``83450`` -> ``1:23.450``; hours only where there are any."""
    seconds, rest = divmod(max(0, round(ms)), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    return f"{head}.{rest:03d}" if with_ms else head


def parse_timecode(text: str) -> int:
    """Milliseconds of ``1:23.450``, ``83.45`` or ``0:01:23,450``. Raises ValueError."""
    match = _TIME_CODE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    hours, minutes, seconds, fraction = match.groups()
    if minutes is not None and int(seconds) > 59 or hours is not None and int(minutes) > 59:
        raise ValueError(text)
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)
    return whole * 1000 + int((fraction or "0").ljust(3, "0"))


def span(start_ms: int, end_ms: int) -> str:
    """``1:23.4 – 1:25.9``: a line's place, to a tenth of a second."""
    return f"{timecode(start_ms)[:-2]} – {timecode(end_ms)[:-2]}"


def length(seconds: float) -> str:
    """How long something takes, as people say it: ``45 s``, ``3 min``, ``1 h 20 min``."""
    whole = max(0, round(seconds))
    if whole < _MINUTE_S:
        return t("common.time.seconds", count=whole)
    if whole < 10 * _MINUTE_S and whole % _MINUTE_S:
        return t("common.time.minutes_seconds", minutes=whole // 60, seconds=whole % 60)
    if whole < _HOUR_S:
        return t("common.time.minutes", count=round(whole / 60))
    minutes = round(whole / 60)
    return t("common.time.hours_minutes", hours=minutes // 60, minutes=minutes % 60)


def left(seconds: float | None) -> str:
    """What is left of a job: ``about 3 min left``; "" while nobody can tell."""
    if seconds is None:
        return ""
    return t("common.time.left", length=length(seconds)) if seconds >= 1 else t("common.time.nearly")


def ago(at: datetime, now: datetime | None = None) -> str:
    """A moment by its distance: ``5 min ago``; a date where that is more than a week."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    if seconds < _MINUTE_S:
        return t("common.time.just_now")
    if seconds < _HOUR_S:
        return t("common.time.minutes_ago", n=int(seconds // _MINUTE_S))
    if seconds < _DAY_S:
        return t("common.time.hours_ago", n=int(seconds // _HOUR_S))
    if seconds < 7 * _DAY_S:
        return t("common.time.days_ago", n=int(seconds // _DAY_S))
    return moment(at, with_time=False)


def moment(at: datetime, *, with_time: bool = True) -> str:
    """A moment in the person's time zone, in the same order of figures for everybody: ``2026-03-04 17:05``."""
    local = at.astimezone(_zone())
    return local.strftime("%Y-%m-%d %H:%M" if with_time else "%Y-%m-%d")


def size(n_bytes: float) -> str:
    """``1.4 GB``: bytes in powers of a thousand, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.0f} {unit}" if unit in ("B", "kB") or n_bytes >= 99.5 else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def _zone() -> ZoneInfo:
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
