from __future__ import annotations

import hashlib
from pathlib import Path

from dubbing.weights.refresh import CATALOG, refreshed


def test_the_numbers_of_our_own_files_alone_are_written_anew(tmp_path: Path) -> None:
    before = CATALOG.read_text(encoding="utf-8")
    folder = tmp_path / "train" / "weights"
    folder.mkdir(parents=True)
    names = [line.split('"')[1] for line in before.splitlines() if line.startswith("path = ") and "safetensors" in line]
    for name in names:
        (folder / name).write_bytes(b"anew")
    after = refreshed(before, tmp_path)
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    digest = hashlib.sha256(b"anew").hexdigest()
    assert set(changed) == {"bytes = 4", f'sha256 = "{digest}"'}
    assert len(after.splitlines()) == len(before.splitlines())
