"""ZIP archives whose bytes depend on nothing but their content, so that the same export has the same checksum."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from dubbing.media.atomic import replacing

#: The earliest time that the format knows: files in an archive carry no other.
_TIME = (1980, 1, 1, 0, 0, 0)
_PACKED = (".csv", ".json", ".html", ".srt", ".vtt", ".ttml", ".txt", ".md")
_BLOCK = 1 << 20


def write_archive(path: Path, members: Iterable[tuple[str, Path | bytes]],
                  report: Callable[[float, float, str], None] = lambda *_: None) -> int:
    """Write (name, file or content) members; returns how many. Texts are compressed, sound and video are not.

    It appears whole or not at all. Raises StorageError when it cannot be written.
    """
    listed = list(members)
    total = sum(len(one) if isinstance(one, bytes) else one.stat().st_size for _, one in listed)
    done = 0
    with replacing(Path(path)) as temporary, zipfile.ZipFile(temporary, "w", allowZip64=True) as archive:
        for name, content in listed:
            info = zipfile.ZipInfo(name, _TIME)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED if Path(name).suffix in _PACKED else zipfile.ZIP_STORED
            if isinstance(content, bytes):
                archive.writestr(info, content)
                done += len(content)
            else:
                info.file_size = content.stat().st_size
                with content.open("rb") as source, archive.open(info, "w") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)
                        done += len(block)
                        report(done, max(total, done), name)
            report(done, max(total, done, 1), name)
    return len(listed)


def link_or_copy(made: Path, target: Path) -> None:
    """Put a finished file at ``target`` without taking its room twice, where the file system can."""
    with replacing(target) as temporary:
        temporary.unlink()
        try:
            temporary.hardlink_to(made)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(made, temporary)
