"""How long a dub still takes: from what stages have cost, with what the running stage says, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dubbing.api import Workspace
from dubbing.domain.project import Job, JobProgress, JobStatus, RunStatus
from dubbing.jobs.eta import LINE_STAGES, SOURCE_STAGES, TARGET_STAGES, Costs, Work, costs, eta_s
from tests.dubbing.team.desks import project

NOW = datetime(2030, 1, 1, tzinfo=UTC)
#: A second a minute of video for every stage, and half a second a line.
KNOWN = Costs(dict.fromkeys({*SOURCE_STAGES, *TARGET_STAGES} - LINE_STAGES, 1 / 60_000),
              dict.fromkeys(LINE_STAGES, 0.5), 10 / 60_000)
WORK = Work(60_000, ("es",), due=dict.fromkeys(("translate:es", "synthesize:es", "lipsync:es"), 4))


def job(stage: str = "", done: float = 0.0, total: float = 0.0, eta: float | None = None) -> Job:
    return Job("j", "dub", {}, JobStatus.RUNNING, 0, "p", "w", NOW, NOW, 1, 3, False,
               JobProgress(stage, done, total, "", "", eta), {}, "", "", NOW, NOW, None)


def test_the_whole_before_anything_ran() -> None:
    assert eta_s(job(), WORK, KNOWN, NOW) == 7 * 1.0 + 3 * 4 * 0.5 + 3 * 1.0


def test_what_is_done_no_longer_counts_and_the_running_stage_speaks_for_itself() -> None:
    rest = 1.0 + 6.0 + 3.0
    assert eta_s(job("faces", 1, 4), WORK, KNOWN, NOW) == 0.75 + rest
    assert eta_s(job("faces", 1, 4, 20.0), WORK, KNOWN, NOW) == 20.0 + rest
    late = eta_s(job("faces", 1, 4, 20.0), WORK, KNOWN, NOW + timedelta(seconds=8))
    assert late == 12.0 + rest
    assert eta_s(job("export:es", 1, 2), WORK, KNOWN, NOW) == 0.5 + 1.0
    assert eta_s(job("quality:es", 2, 2), WORK, KNOWN, NOW) == 0.0


def test_nobody_can_tell_what_never_ran_here() -> None:
    for stage in ("mouths", "quality"):
        unknown = replace(KNOWN, per_ms={k: v for k, v in KNOWN.per_ms.items() if k != stage})
        assert eta_s(job("faces", 1, 4, 20.0), WORK, unknown, NOW) is None
    assert eta_s(job("quality:es", 1, 4, 3.0), WORK, Costs({}, {}), NOW) == 3.0
    assert eta_s(job("quality:es", 1, 4), WORK, Costs({}, {}), NOW) is None


def test_a_project_that_was_heard_before_has_its_stale_lines_to_do() -> None:
    again = replace(WORK, is_analysed=True, due=dict.fromkeys(WORK.due, 0) | {"synthesize:es": 1, "lipsync:es": 1})
    assert eta_s(job(), again, KNOWN, NOW) == 2 * 0.5 + 3.0
    assert eta_s(job("transcribe", 1, 1), again, KNOWN, NOW) == 2 * 0.5 + 3.0


def test_lines_that_nobody_knows_yet_are_guessed_from_other_videos() -> None:
    unheard = replace(WORK, due={})
    assert eta_s(job(), unheard, KNOWN, NOW) == 7.0 + 3 * 10 * 0.5 + 3.0
    assert eta_s(job(), unheard, replace(KNOWN, lines_per_ms=None), NOW) is None


def test_what_prepares_a_stage_is_followed_by_it() -> None:
    following = eta_s(job("synthesize:es", 0, 4), WORK, KNOWN, NOW)
    assert following == 2 * 4 * 0.5 + 3.0
    assert eta_s(job("prosody:es", 1, 2, 4.0), WORK, KNOWN, NOW) == following + 4.0


def test_without_lip_sync_no_face_is_waited_for() -> None:
    assert eta_s(job(), replace(WORK, has_lip_sync=False), KNOWN, NOW) == 5.0 + 2 * 2.0 + 3.0


@given(st.integers(0, 12), st.floats(0, 1))
def test_it_never_grows_while_work_is_done(index: int, share: float) -> None:
    stages = WORK.stages()
    now = eta_s(job(stages[index], share, 1.0), WORK, KNOWN, NOW)
    later = eta_s(job(stages[index], 1.0, 1.0), WORK, KNOWN, NOW)
    whole = eta_s(job(), WORK, KNOWN, NOW)
    assert now is not None and later is not None and whole is not None and later <= now + 1e-9 <= whole + 1e-6


def test_costs_are_read_from_past_runs(empty: Workspace) -> None:
    made = project(empty)
    runs = empty.storage.runs
    for seconds in (10.0, 20.0, 90.0):
        run = runs.start(made.id, "transcribe", artifact_key=f"k{seconds}", media_ms=60_000)
        runs.finish(run.id, RunStatus.DONE, seconds=seconds)
    run = runs.start(made.id, "synthesize", artifact_key="l", language="es", utterance_id="u0001")
    runs.finish(run.id, RunStatus.DONE, seconds=0.7)
    runs.start(made.id, "mix", artifact_key="m", media_ms=60_000)
    known = costs(empty.storage)
    assert known.per_ms == {"transcribe": 20.0 / 60_000} and known.per_line == {"synthesize": 0.7}
    assert known.lines_per_ms == 3 / 60_000
