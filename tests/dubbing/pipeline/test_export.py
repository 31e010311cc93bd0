"""The export stage: what it reuses, what it says about it, and that neither changes the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubbing.engines.lipsync.fake import FakeLipSyncer
from dubbing.media import pictures
from dubbing.media.audio import write_wav
from dubbing.media.segments import SegmentCache
from dubbing.pipeline.artifact import Artifact, ArtifactStore, artifact_key
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import export
from dubbing.pipeline.stages.mix import MIX
from lipsync_core.patch import Patch, PatchWriter
from tests import media_factory as factory


def mixed(folder: Path) -> Artifact:
    folder.mkdir()
    write_wav(folder / MIX, [np.zeros((2, 48_000), np.float32)], 48_000)
    return Artifact("mix", folder, {})


def line(folder: Path, name: str, frames: range, grey: int) -> Artifact:
    """The mouth patches of one line, as the lipsync stage leaves them."""
    place = folder / name
    place.mkdir()
    planes = [np.full(size, grey, np.uint8) for size in ((32, 32), (16, 16), (16, 16))]
    with PatchWriter(place, 32, 32) as writer:
        for frame in frames:
            writer.write(Patch(frame, 64, 32, *planes))
    return Artifact(artifact_key("lipsync", "1", "", {"name": name}, {}), place, {"frames": len(frames)})


@pytest.fixture()
def source(tmp_path: Path) -> Path:
    return factory.make(tmp_path, "plain.mp4", frames=112,
                        options={"preset": "veryfast", "crf": "12", "sc_threshold": "0"})


def run(tmp_path: Path, source: Path, lines: list[Artifact], mix: Artifact, home: str, *,
        cached: bool = True) -> Artifact:
    cache = SegmentCache(tmp_path / home / "segments", "es.mp4", "5" * 64) if cached else None
    step = export.step(source, "5" * 64, mix, FakeLipSyncer(), lines, ".mp4", True, language="es", segments=cache)
    return Runner(ArtifactStore(tmp_path / home / "artifacts")).run(step)


def test_an_edited_line_costs_its_own_pieces_only(tmp_path: Path, source: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PIECE_S", 1)
    mix = mixed(tmp_path / "mix")
    lines = [line(tmp_path, "one", range(5), 50), line(tmp_path, "two", range(30, 36), 90),
             line(tmp_path, "silent", range(0), 90), line(tmp_path, "three", range(80, 110), 120)]
    first = run(tmp_path, source, lines, mix, "home")
    assert first.facts["patched_frames"] == 41 and first.facts["frame_count"] == 112
    assert first.facts["why_all_encoded"] == "" and not first.facts["video_copied"]
    counts = first.facts["pictures"]
    assert (counts["gops"], counts["gops_copied"], counts["segments_encoded"]) == (5, 1, 4)
    lines[1] = line(tmp_path, "two, edited", range(30, 36), 200)
    edited = run(tmp_path, source, lines, mix, "home")
    counts = edited.facts["pictures"]
    assert (counts["segments_encoded"], counts["segments_reused"], counts["frames_encoded"]) == (1, 3, 25)
    assert edited.key != first.key and edited.facts["sha256"] != first.facts["sha256"]
    assert edited.facts["patched_frames"] == 41
    alone = run(tmp_path, source, lines, mix, "elsewhere", cached=False)
    assert (alone.key, alone.facts["sha256"]) == (edited.key, edited.facts["sha256"])


def test_without_patches_nothing_is_encoded(tmp_path: Path, source: Path) -> None:
    done = run(tmp_path, source, [], mixed(tmp_path / "mix"), "home")
    assert done.facts["video_copied"] and done.facts["pictures"] is None
    assert not (tmp_path / "home" / "segments").exists()
