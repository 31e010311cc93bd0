"""What people give with a project: its lines, its M&E, whose face is whose, how words are spoken."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from dubbing.api import DubOptions, Workspace
from dubbing.derived import Derived
from dubbing.domain.project import JobStatus, Project
from dubbing.domain.workspace import ImportedLine
from dubbing.jobs.source import known_source
from dubbing.worker import work
from tests.dubbing.jobs.conftest import FAKES
from tests.dubbing.team.desks import clip, manager, send

OPTIONS = DubOptions(targets=("es",), source="en", **FAKES)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return clip(tmp_path / "harbour.mp4", frames=110, sound="bursts")


def dub(workspace: Workspace, made: Project) -> Project:
    asked = manager(workspace).jobs.start(made.id)
    work(workspace, until_idle=True)
    done = manager(workspace).jobs.get(asked.id)
    assert done.status is JobStatus.DONE, done.error
    return workspace.storage.projects.get(made.id)


def test_imported_lines_are_dubbed_as_they_came(empty: Workspace, video: Path) -> None:
    lines = [ImportedLine(0, 1100, "Who is there?", "Ana", "¿Quién anda ahí?"),
             ImportedLine(2200, 3300, "It is me.", "Leo", "Soy yo.")]
    at = manager(empty)
    made = dub(empty, at.projects.create("Harbour", send(at, video), OPTIONS, lines=lines, run=False))
    said = empty.storage.utterances.all(made.id)
    assert [(u.text, u.start_ms, u.end_ms) for u in said] == [(one.text, one.start_ms, one.end_ms) for one in lines]
    names = {s.id: s.name for s in empty.storage.speakers.all(made.id)}
    assert [names[u.speaker] for u in said] == ["Ana", "Leo"]
    takes = empty.storage.takes.chosen(made.id, "es")
    assert [takes[u.id].text for u in said] == ["¿Quién anda ahí?", "Soy yo."]
    assert {run.stage for run in empty.storage.runs.all(made.id)}.isdisjoint({"transcribe", "diarize"})


def test_imported_lines_without_speakers_are_told_apart_by_listening(empty: Workspace, video: Path) -> None:
    lines = [ImportedLine(0, 1100, "Who is there?"), ImportedLine(2200, 3300, "It is me.")]
    at = manager(empty)
    options = DubOptions(targets=("es",), source="en", speakers=2, **FAKES)
    made = dub(empty, at.projects.create("Harbour", send(at, video), options, lines=lines, run=False))
    assert [u.speaker for u in empty.storage.utterances.all(made.id)] == ["S1", "S2"]
    assert [u.text for u in empty.storage.utterances.all(made.id)] == ["Who is there?", "It is me."]


def test_a_given_m_and_e_is_heard_under_the_dub(empty: Workspace, video: Path, tmp_path: Path) -> None:
    rate = 44_100
    tone = 0.05 * np.sin(2 * np.pi * 1000 * np.arange(round(4.2 * rate)) / rate)
    soundfile.write(tmp_path / "me.wav", tone.astype(np.float32), rate)
    at = manager(empty)
    made = at.projects.create("Harbour", send(at, video), OPTIONS, run=False,
                              m_and_e_upload_id=send(at, tmp_path / "me.wav", "m_and_e"))
    made = dub(empty, made)
    source = known_source(empty, made)
    background, own_rate = soundfile.read(source.separated.path("me.wav"), always_2d=True)
    speech, _ = soundfile.read(source.separated.path("speech.wav"), always_2d=True)
    assert background.shape == speech.shape and background.shape[1] == 2
    spectrum = np.abs(np.fft.rfft(background[:own_rate, 0]))
    assert abs(int(spectrum.argmax()) - 1000) <= 1
    asked = at.jobs.take(made.id, "es", "u0001", pace=1.1)
    work(empty, lane="quick", until_idle=True)
    take = str(at.jobs.get(asked.id).result["take_id"])
    with av.open(at.files.find(made.id, "clip", take).path) as container:
        part = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    line = empty.storage.utterances.get(made.id, "u0001")
    inside = np.abs(np.fft.rfft(part[48 * (line.start_ms + 20):48 * (line.start_ms + 20) + 48_000]))
    assert inside[999:1002].max() > 10 * np.median(inside)


def test_whose_face_a_person_says_it_is_decides_the_next_dub(empty: Workspace, video: Path) -> None:
    made = dub(empty, empty.create(video, DubOptions(targets=("es",), source="en", speakers=2, **FAKES)))
    at = manager(empty)
    assert [face.speaker for face in at.faces.all(made.id)] == ["S1", "S2"]
    at.faces.assign(made.id, "f0000", None)
    made = dub(empty, made)
    assert [face.speaker for face in at.faces.all(made.id)] == ["S2"]
    plan = at.faces.lip_sync_plan(made.id, "es")
    by_speaker = {u.speaker: plan[u.id] for u in empty.storage.utterances.all(made.id)}
    assert by_speaker == {"S1": (False, "no_face"), "S2": (True, "")}


def test_a_face_without_consent_is_left_alone(empty: Workspace, video: Path) -> None:
    made = empty.create(video, DubOptions(targets=("es",), source="en", speakers=2, **FAKES))
    at = manager(empty)
    at.projects.set_settings(made.id, consent_required=True)
    made = dub(empty, made)
    standing = Derived(empty.settings.home, made.id).standing("es")
    assert standing is not None and standing.rendered == {}
    assert set(at.faces.lip_sync_plan(made.id, "es").values()) == {(False, "no_consent")}
    consent = at.speakers.record_consent("Ana", "face", (), None, None, None, "")
    at.speakers.link_consent(made.id, "S1", consent.id)
    made = dub(empty, made)
    standing = Derived(empty.settings.home, made.id).standing("es")
    speakers = {u.id: u.speaker for u in empty.storage.utterances.all(made.id)}
    assert standing is not None and {speakers[key] for key in standing.rendered} == {"S1"}


def test_words_are_spoken_as_the_team_says(empty: Workspace, video: Path) -> None:
    made = dub(empty, empty.create(video, OPTIONS))
    at = manager(empty)
    before = empty.storage.takes.chosen(made.id, "es")["u0001"]
    at.terms.save_pronunciation(made.id, "es", "word1", spelling="uorduan")
    made = dub(empty, made)
    after = empty.storage.takes.chosen(made.id, "es")["u0001"]
    assert after.artifact_key != before.artifact_key and after.text == before.text
    assert "uorduan" in str(after.details["spoken"])
