"""Files at the desk: what they are decides, never a path; who may not see a project gets none of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dubbing.api import Desk, ForbiddenError, Workspace
from dubbing.derived import Derived, Standing
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.errors import UsageError

Member = Callable[..., Desk]
KINDS = ("source", "poster", "peaks/source", "peaks/dub/es", "peaks/take/x", "dub/es", "take/x", "clip/x",
         "clip-side/x", "speaker/S0", "face/f0000", "export/x", "audition/x", "evidence/x")


@pytest.fixture
def film(workspace: Workspace, project: Project, tmp_path: Path) -> Project:
    """The project with a video that browsers play, as probing would describe it."""
    video = tmp_path / "film.mp4"
    video.write_bytes(b"video")
    media = {"duration_ms": 60_000, "container": "mov,mp4,m4a", "audio": [{"codec": "aac"}],
             "video": {"codec": "h264", "pixel_format": "yuv420p", "height": 720, "width": 1280}}
    return workspace.storage.projects.update(project.id, source_path=video, media=media)


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_strangers_get_nothing(desk: Callable[..., Desk], film: Project, kind: str) -> None:
    with pytest.raises(ForbiddenError):
        desk("eve").files.find(film.id, *kind.split("/"))


@pytest.mark.parametrize("kind", [*KINDS[1:-1], "nothing", "source/more", "peaks", "poster/../../dubbing.db",
                                  "face/../../../../etc/passwd", "dub/..", ""])
def test_what_is_not_there_is_said_in_a_sentence(member: Member, film: Project, kind: str) -> None:
    with pytest.raises(UsageError) as told:
        member("ana", Role.CLIENT).files.find(film.id, kind)
    assert told.value.hint and "/" not in told.value.message.replace(kind, "")


def test_a_source_that_browsers_play_is_given_itself_else_its_copy(member: Member, film: Project,
                                                                   workspace: Workspace) -> None:
    at, derived = member("ana", Role.CLIENT), Derived(workspace.settings.home, film.id)
    assert at.files.find(film.id, "source").path == film.source_path
    workspace.storage.projects.update(film.id, media={**film.media, "video": {**film.media["video"], "codec": "hevc"}})
    with pytest.raises(UsageError, match="being prepared"):
        at.files.find(film.id, "source")
    assert "source" not in at.files.versions(film.id)
    put(derived.source)
    found = at.files.find(film.id, "source")
    assert (found.path, found.media_type, found.name) == (str(derived.source), "video/mp4", "film.mp4")


def test_a_take_with_its_peaks(member: Member, film: Project, workspace: Workspace) -> None:
    import numpy as np
    import soundfile

    with workspace.artifacts.build("ab" * 32, {}) as (folder, facts):
        soundfile.write(folder / "take.wav", np.full(2400, 0.25, np.float32), 24_000)
        facts["sample_rate"] = 24_000
    take = workspace.storage.takes.record(film.id, "u0001", "es", artifact_key="ab" * 32, text="Hola", text_revision=1,
                                          utterance_revision=1, engine="fake", voice="v", tempo=1.0, duration_ms=100)
    files = member("ana", Role.CLIENT).files
    sound = files.find(film.id, "take", take.id)
    assert sound.media_type == "audio/wav" and sound.name == "u0001.es.wav" and sound.is_immutable
    peaks = files.find(film.id, "peaks/take", take.id)
    assert Path(peaks.path).read_bytes() == bytes([128] * 10)
    with pytest.raises(UsageError, match="not been rendered"):
        files.find(film.id, "clip", take.id)


def test_a_take_of_another_project_is_not_found(member: Member, film: Project, workspace: Workspace) -> None:
    other = workspace.storage.projects.create("Other", "o.mp4", source_sha256="1" * 64, media={"duration_ms": 1000})
    from tests.dubbing.team.conftest import say

    workspace.storage.utterances.import_lines(other.id, [say("Hi", 0, 500)])
    take = workspace.storage.takes.record(other.id, "u0001", "es", artifact_key="cd" * 32, text="x", text_revision=1,
                                          utterance_revision=1, engine="fake", voice="v", tempo=1.0, duration_ms=100)
    with pytest.raises(UsageError, match="no take"):
        member("ana", Role.CLIENT).files.find(film.id, "take", take.id)


def test_versions_change_with_the_files(member: Member, film: Project, workspace: Workspace) -> None:
    files, derived = member("ana", Role.CLIENT).files, Derived(workspace.settings.home, film.id)
    assert files.versions(film.id).keys() == {"source"}
    put(derived.poster)
    derived.set_standing("es", Standing("v1" * 32, "dubbed.mp4", "m1" * 32))
    first = files.versions(film.id)
    assert first.keys() == {"source", "poster", "dub/es"}
    derived.set_standing("es", Standing("v2" * 32, "dubbed.mp4", "m1" * 32))
    put(derived.dub_peaks("es"))
    second = files.versions(film.id)
    assert second["dub/es"] != first["dub/es"] and second["poster"] == first["poster"] and "peaks/dub/es" in second


def test_evidence_is_for_those_who_keep_consents(member: Member, film: Project, workspace: Workspace,
                                                 tmp_path: Path) -> None:
    paper = put(tmp_path / "signed.pdf")
    consent = workspace.storage.consents.add("Ana", "face", (), None, None, evidence=paper, actor="x")
    manager = member("boss", Role.PROJECT_MANAGER)
    assert manager.files.find(film.id, "evidence", consent.id).path == str(paper)
    with pytest.raises(ForbiddenError):
        member("clara", Role.CLIENT).files.find(film.id, "evidence", consent.id)


def test_a_member_of_one_language_gets_the_files_of_that_language_only(member: Member, film: Project) -> None:
    at = member("ana", Role.CLIENT, "es")
    assert at.files.find(film.id, "source").path == film.source_path
    for kind in ("dub/de", "peaks/dub/de"):
        with pytest.raises(ForbiddenError):
            at.files.find(film.id, kind)
        with pytest.raises(UsageError):
            at.files.find(film.id, kind.replace("de", "es"))
