"""What a look at a video found before any work: facts, and findings with what to do about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import streamlit as st

from dubbing.domain.project import JobStatus
from dubbing.domain.workspace import JobView
from ui import session
from ui.sentences import said
from ui.text import t
from ui.widgets.errors import escaped, told
from ui.widgets.progress import follow
from ui.widgets.times import size, timecode

_JOBS = "preflight_jobs"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a pre-flight; ``blocking`` findings forbid a project."""

    blocking: bool


def preflight_box(reference: str) -> Checked | None:
    """The pre-flight of a video (an upload's id or a path), begun when it is first seen; None before it is done."""
    jobs: dict[str, str] = st.session_state.setdefault(_JOBS, {})
    with told():
        if reference not in jobs:
            jobs[reference] = session.desk().jobs.preflight(reference).id
        job = session.desk().jobs.get(jobs[reference])
        if job.status is JobStatus.DONE:
            return _shown(job)
        if job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
            st.caption(t("new_project.check.working"))
        follow(job)
    return None


def _shown(job: JobView) -> Checked:
    findings = list(job.result.get("findings", []))
    with st.container(border=True, key="preflight", gap="small"):
        _facts(job.result.get("media", {}))
        if not findings:
            st.markdown(f":green[:material/check_circle:] **{t('new_project.check.clean')}**")
        for finding in sorted(findings, key=lambda one: not one.get("is_blocking")):
            _finding(finding)
    return Checked(any(finding.get("is_blocking") for finding in findings))


def _finding(finding: Mapping[str, Any]) -> None:
    icon = ":red[:material/block:]" if finding.get("is_blocking") else ":orange[:material/warning:]"
    kind = t("new_project.check.blocks" if finding.get("is_blocking") else "new_project.check.warns")
    hint = f"  \n:small[{escaped(said(str(finding['hint'])))}]" if finding.get("hint") else ""
    st.markdown(f"{icon} **{kind}** {escaped(said(str(finding.get('message', ''))))}{hint}")


def _facts(media: Mapping[str, Any]) -> None:
    video = media.get("video") or {}
    sound = (media.get("audio") or [{}])[0]
    facts = {
        "length": timecode(int(media.get("duration_ms", 0)), with_ms=False),
        "picture": f"{video['width']}×{video['height']}" if video.get("height") else "",
        "rate": _rate(video), "codec": str(video.get("codec", "")),
        "sound": " ".join(str(part) for part in (sound.get("codec", ""), _hertz(sound)) if part),
        "size": size(int(media["size_bytes"])) if media.get("size_bytes") else "",
    }
    st.markdown("  \n".join(f":small[{t(f'new_project.fact.{name}')}] **{escaped(value)}**"
                            for name, value in facts.items() if value))


def _rate(video: Mapping[str, Any]) -> str:
    told_rate = next((str(video[key]) for key in ("frame_rate", "average_rate", "rate") if video.get(key)), "")
    try:
        return f"{float(Fraction(told_rate)):.4g}" if told_rate else ""
    except (ValueError, ZeroDivisionError):
        return told_rate


def _hertz(sound: Mapping[str, Any]) -> str:
    return f"{sound['sample_rate'] / 1000:g} kHz" if sound.get("sample_rate") else ""
