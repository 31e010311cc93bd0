"""Writes size and hash of the library's own weights into the catalogue, after they were trained anew.

    python -m dubbing.weights.refresh
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import partial
from importlib.util import find_spec
from pathlib import Path

CATALOG = Path(__file__).with_name("catalog.toml")
OWN = "lipsync_core"
_FILE = re.compile(r'path = "(?P<path>[^"]+)"\nbytes = \d+\nsha256 = "[0-9a-f]{64}"')
_FOLDER = re.compile(r'^folder = "(?P<folder>[^"]+)"$', re.MULTILINE)


def refreshed(text: str, package: Path) -> str:
    """The catalogue's text with the numbers of ``package``'s files as they are now. Raises OSError for a file that is
    named and not there."""
    models = text.split("[[model]]\n")
    for i, model in enumerate(models):
        folder = _FOLDER.search(model)
        if f'package = "{OWN}"' not in model or folder is None:
            continue
        models[i] = _FILE.sub(partial(_row, package / folder["folder"]), model)
    return "[[model]]\n".join(models)


def _row(place: Path, found: re.Match[str]) -> str:
    content = (place / found["path"]).read_bytes()
    return f'path = "{found["path"]}"\nbytes = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"'


def main() -> None:
    found = find_spec(OWN)
    assert found is not None and found.origin is not None
    text = refreshed(CATALOG.read_text(encoding="utf-8"), Path(found.origin).parent)
    beside = CATALOG.with_name(f".{CATALOG.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, CATALOG)


if __name__ == "__main__":
    main()
