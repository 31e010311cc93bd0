"""What is made from a project beside its artifacts, so that a browser can show it: one folder a project.

Everything in it can be made again. ``standing-LANG.json`` says which artifacts a language's dub consists of now.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dubbing.media.atomic import replacing


@dataclass(frozen=True, slots=True)
class Standing:
    """A language's dub as it was last made: keys of artifacts; the maps go by utterance id.

    video_file is the name of the file in the artifact ``video``. notes: why a mouth was not (wholly) repainted.
    """

    video: str
    video_file: str
    mix: str
    takes: dict[str, str] = field(default_factory=dict)
    rendered: dict[str, str] = field(default_factory=dict)
    repainted: dict[str, int] = field(default_factory=dict)
    on_camera: dict[str, bool] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


class Derived:
    """The derived files of one project below the workspace's home."""

    def __init__(self, home: Path, project_id: str) -> None:
        self.folder = home / "derived" / project_id

    @property
    def source(self) -> Path:
        """The source as a browser plays it; there only where the original is not such a file."""
        return self.folder / "source.mp4"

    @property
    def poster(self) -> Path:
        return self.folder / "poster.jpg"

    @property
    def source_peaks(self) -> Path:
        return self.folder / "source.peaks"

    def dub(self, language: str) -> Path:
        """The dub as a browser plays it; there only where the dub itself is not such a file."""
        return self.folder / f"dub-{language}.mp4"

    def dub_peaks(self, language: str) -> Path:
        return self.folder / f"dub-{language}.peaks"

    def take_peaks(self, artifact_key: str) -> Path:
        return self.folder / "takes" / f"{artifact_key}.peaks"

    def speaker(self, speaker_id: str) -> Path:
        return self.folder / "speakers" / f"{plain(speaker_id)}.wav"

    def face(self, face_id: str) -> Path:
        return self.folder / "faces" / f"{plain(face_id)}.jpg"

    @property
    def faces(self) -> Path:
        """What the tracker says of every person seen, as JSON."""
        return self.folder / "faces.json"

    def stamp(self, name: str) -> str:
        """From what the file ``name`` was made; "" when it was not."""
        stamps = _read(self.folder / "stamps.json")
        return str(stamps.get(name, "")) if (self.folder / name).exists() else ""

    def set_stamp(self, name: str, made_from: str) -> None:
        write_json(self.folder / "stamps.json", {**_read(self.folder / "stamps.json"), name: made_from})

    def standing(self, language: str) -> Standing | None:
        """What the dub into ``language`` consists of; None when there was none yet."""
        found = _read(self.folder / f"standing-{language}.json")
        return Standing(**found) if found else None

    def set_standing(self, language: str, standing: Standing) -> None:
        write_json(self.folder / f"standing-{language}.json", asdict(standing))

    def quality(self, language: str) -> dict[str, Any]:
        """What quality control measured of the dub into ``language``; empty when it was never run."""
        return _read(self.folder / f"quality-{language}.json")

    def set_quality(self, language: str, measured: dict[str, Any]) -> None:
        write_json(self.folder / f"quality-{language}.json", measured)


def plain(name: str) -> str:
    """A file name for anything that a person may have typed."""
    return hashlib.sha256(name.encode()).hexdigest()[:24]


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, ensure_ascii=False))


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found
