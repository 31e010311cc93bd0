"""Who is seen in a video, as the faces page shows it: a list, and a picture of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from dubbing.derived import Derived, write_json

if TYPE_CHECKING:
    from dubbing.engines.base import SeenPerson
    from dubbing.understand import Source

#: Longer side of the picture that a face is cut from.
_PICTURE_SIDE = 1920
THUMBNAIL_SIDE = 256


def write_faces(source: Source, derived: Derived, check: Callable[[], None]) -> None:
    """Write the people of a video and, for each, a thumbnail. The video has been tracked."""
    assert source.tracks is not None and source.mouths is not None
    people = source.lipsyncer.people(source.tracks.folder, source.mouths.folder)
    for person in people:
        check()
        _thumbnail(source, person, derived)
    write_json(derived.faces, {"people": [asdict(person) for person in people],
                               "on_camera": source.mouths.facts["on_camera"]})


def _thumbnail(source: Source, person: SeenPerson, derived: Derived) -> None:
    import numpy as np
    from PIL import Image

    from dubbing.media.frames import frame_at
    from dubbing.media.poster import save_jpeg

    picture = frame_at(source.path, person.at_ms, _PICTURE_SIDE)
    height, width = picture.shape[:2]
    top, left, bottom, right = (int(share * side) for share, side in
                                zip(person.box, (height, width, height, width), strict=True))
    face = picture[top:max(bottom, top + 2), left:max(right, left + 2)]
    scale = THUMBNAIL_SIDE / max(face.shape[:2])
    size = max(1, round(face.shape[1] * scale)), max(1, round(face.shape[0] * scale))
    small = Image.fromarray(np.ascontiguousarray(face)).resize(size, Image.Resampling.LANCZOS)
    save_jpeg(np.asarray(small), derived.face(person.id))
