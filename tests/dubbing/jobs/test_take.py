"""One line by itself: its take, its clip, what stays as it was; auditions; what a dub keeps of it."""

from __future__ import annotations

import av
import numpy as np
import pytest
import soundfile

from dubbing.api import LineEdit, Workspace
from dubbing.derived import Derived
from dubbing.domain.project import JobStatus, Project
from dubbing.domain.review import Layer, ReviewState
from dubbing.errors import UsageError
from dubbing.pipeline.progress import Progress
from dubbing.pipeline.stages.clip import MARGIN_MS
from dubbing.worker import work
from tests.dubbing.team.desks import manager
from tests.media_factory import read_number

GREEN = (145, 54, 34)


def make_take(workspace: Workspace, made: Project, line: str, **options: object) -> dict[str, object]:
    asked = manager(workspace).jobs.take(made.id, "es", line, **options)  # type: ignore[arg-type]
    work(workspace, lane="quick", until_idle=True)
    done = manager(workspace).jobs.get(asked.id)
    assert done.status is JobStatus.DONE, done.error
    return dict(done.result)


def frames(path: str) -> list[np.ndarray]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]


def test_a_take_leaves_the_rest_of_the_project_alone(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    before = workspace.storage.takes.chosen(made.id, "es")
    standing = Derived(workspace.settings.home, made.id).standing("es")
    result = make_take(workspace, made, "u0002", pace=1.1)
    after = workspace.storage.takes.chosen(made.id, "es")
    assert result["chosen"] and after["u0002"].id == result["take_id"] != before["u0002"].id
    assert {key: take for key, take in after.items() if key != "u0002"} == {
        key: take for key, take in before.items() if key != "u0002"}
    assert after["u0002"].tempo > before["u0002"].tempo * 1.05
    assert Derived(workspace.settings.home, made.id).standing("es") == standing
    edit = manager(workspace).activity.latest(made.id, entity="take", entity_id="u0002")[0]
    assert edit.actor == "pablo"


def test_a_clip_shows_the_line_and_a_second_around_it(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    result = make_take(workspace, made, "u0002", pace=0.95)
    files, take = manager(workspace).files, str(result["take_id"])
    line = workspace.storage.utterances.get(made.id, "u0002")
    clip, side = (files.find(made.id, kind, take) for kind in ("clip", "clip-side"))
    with av.open(clip.path) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.height, picture.width, picture.codec_context.name) == (270, 480, "h264")
        assert sound.codec_context.name == "aac" and sound.layout.name == "stereo"
        seconds = float(container.duration or 0) / 1e6
    start_ms = line.start_ms - MARGIN_MS
    heard_ms = workspace.storage.takes.get(take).duration_ms
    wanted = max(line.duration_ms, heard_ms) / 1000 + 2
    assert seconds == pytest.approx(wanted, abs=0.15)
    pictures = frames(clip.path)
    numbers = [read_number(picture[:270]) for picture in pictures]
    first = -(-start_ms * 25 // 1000)
    assert numbers[0] in (first - 1, first) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    # The fake paints the middle green while the line is covered, and the line before and after it, too.
    middle = pictures[len(pictures) // 2]
    assert abs(int(middle[135, 240]) - GREEN[0]) < 12
    compared = frames(side.path)[len(pictures) // 2]
    height, width = (compared.shape[0] * 2 // 3, compared.shape[1])
    left, right = compared[height // 2, width // 4], compared[height // 2, 3 * width // 4]
    assert abs(int(right) - GREEN[0]) < 12 and height <= 480 and left != right


def test_a_clip_sounds_as_the_mix_does(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    workspace.work_on(_claimed(workspace, made))
    standing = Derived(workspace.settings.home, made.id).standing("es")
    assert standing is not None
    mix, rate = soundfile.read(_artifact(workspace, standing.mix, "mix.wav"), dtype="float32", always_2d=True)
    from dubbing.jobs.source import known_source
    from dubbing.localize import Localization
    from dubbing.mixdown import Mixdown
    from dubbing.pipeline.runner import Runner
    from dubbing.pipeline.stages import clip

    now = workspace.storage.projects.get(made.id)
    source, options = known_source(workspace, now), workspace.options(now)
    dub = Localization(workspace.storage, now, options, source, Runner(workspace.artifacts), "es")
    mixdown = Mixdown(options, source, dub.runner, dub.dub, dub.utterances)
    rooms, replaced = mixdown.rooms(), mixdown.replaced(standing.takes)
    lines = []
    for line in workspace.storage.utterances.all(made.id):
        take = workspace.artifacts.find(standing.takes[line.id])
        assert take is not None
        lines.append(clip.ClipLine(take, line.start_ms, line.end_ms, room=rooms[line.id],
                                   replaced=replaced[line.id]))
    start_ms, end_ms = clip.span_of(lines[1], source.media.duration_ms)
    near = [line for line in lines if line.changed_from_ms < end_ms and line.changed_until_ms > start_ms]
    part = clip.mixed_between(source.path, source.separated, near, start_ms, end_ms, rate)
    whole = mix[round(start_ms * rate / 1000):round(end_ms * rate / 1000)].T
    assert part.shape == whole.shape and np.abs(part - whole).max() < 0.02


def test_a_dub_keeps_the_take_that_a_person_chose(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    mine = make_take(workspace, made, "u0001", pace=1.15)["take_id"]
    key = workspace.storage.takes.get(str(mine)).artifact_key
    manager(workspace).jobs.start(made.id)
    work(workspace, until_idle=True)
    assert workspace.storage.takes.chosen(made.id, "es")["u0001"].id == mine
    standing = Derived(workspace.settings.home, made.id).standing("es")
    assert standing is not None and standing.takes["u0001"] == key
    workspace.set_line(made, "u0001", LineEdit(language="es", text="otra cosa distinta"))
    manager(workspace).jobs.start(made.id)
    work(workspace, until_idle=True)
    assert workspace.storage.takes.chosen(made.id, "es")["u0001"].text == "otra cosa distinta"


def test_a_take_made_while_a_dub_runs_is_not_lost(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    takes = workspace.storage.takes
    other = takes.get(str(make_take(workspace, made, "u0002", pace=1.02)["take_id"]))
    workspace.set_line(made, "u0002", LineEdit(language="es", text="mientras tanto"))
    mine: list[str] = []

    def meanwhile(event: Progress) -> None:
        if event.stage == "synthesize:es" and not mine:
            text = workspace.storage.translations.get(made.id, "u0002", "es")
            line = workspace.storage.utterances.get(made.id, "u0002")
            assert text is not None
            mine.append(takes.record(
                made.id, "u0002", "es", artifact_key=other.artifact_key, text=text.text, text_revision=text.revision,
                utterance_revision=line.revision, engine="fake", voice=other.voice, tempo=1.0,
                duration_ms=other.duration_ms, details={"spoken": text.text}, actor="pablo").id)

    manager(workspace).jobs.start(made.id)
    work(workspace, until_idle=True, listener=meanwhile)
    standing = Derived(workspace.settings.home, made.id).standing("es")
    assert takes.chosen(made.id, "es")["u0002"].id == mine[0]
    assert standing is not None and standing.takes["u0002"] == other.artifact_key


def test_an_approved_dub_is_left_alone_and_is_what_is_mixed(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    for state in (ReviewState.NEEDS_REVIEW, ReviewState.APPROVED):
        manager(workspace).lines.move(made.id, "es", ["u0003"], Layer.DUB, state)
    accepted = workspace.storage.takes.chosen(made.id, "es")["u0003"]
    workspace.storage.utterances.update(made.id, "u0003", workspace.storage.utterances.get(made.id, "u0003").revision,
                                        end_ms=workspace.storage.utterances.get(made.id, "u0003").end_ms - 200)
    manager(workspace).jobs.start(made.id)
    work(workspace, until_idle=True)
    standing = Derived(workspace.settings.home, made.id).standing("es")
    assert workspace.storage.takes.chosen(made.id, "es")["u0003"].id == accepted.id
    assert standing is not None and standing.takes["u0003"] == accepted.artifact_key


def test_stale_lines_get_takes(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    assert manager(workspace).jobs.takes_for_stale(made.id, "es") == [] or \
        all(job.payload["utterance_id"] == "u0003" for job in manager(workspace).jobs.takes_for_stale(made.id, "es"))
    workspace.set_line(made, "u0002", LineEdit(language="es", text="un texto nuevo"))
    asked = manager(workspace).jobs.takes_for_stale(made.id, "es")
    assert "u0002" in [job.payload["utterance_id"] for job in asked]
    again = manager(workspace).jobs.takes_for_stale(made.id, "es")
    assert {job.id for job in again} == {job.id for job in asked}
    work(workspace, lane="quick", until_idle=True)
    assert workspace.storage.takes.chosen(made.id, "es")["u0002"].text == "un texto nuevo"


def test_an_audition_says_a_sentence_at_its_own_pace(dubbed: tuple[Workspace, Project]) -> None:
    workspace, made = dubbed
    at = manager(workspace)
    asked = at.jobs.audition(made.id, "es", "fake", "fake_low", "hola")
    wrong = at.jobs.audition(made.id, "es", "fake", "nobody", "hola")
    work(workspace, lane="quick", until_idle=True)
    sound, rate = soundfile.read(at.files.find(made.id, "audition", asked.id).path)
    assert 0.25 < len(sound) / rate < 0.45
    assert at.jobs.get(wrong.id).status is JobStatus.FAILED and "no voice nobody" in at.jobs.get(wrong.id).error
    with pytest.raises(UsageError, match="not spoken yet"):
        at.files.find(made.id, "audition", wrong.id)


def _claimed(workspace: Workspace, made: Project) -> object:
    from dubbing.ledger import LEASE_S, worker_name

    manager(workspace).jobs.start(made.id)
    job = workspace.storage.jobs.claim(worker_name(), LEASE_S, kinds=["dub"])
    assert job is not None
    return job


def _artifact(workspace: Workspace, key: str, name: str) -> str:
    found = workspace.artifacts.find(key)
    assert found is not None
    return str(found.path(name))
