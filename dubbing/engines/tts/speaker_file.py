"""The names of an XTTS model's own voices, read without torch."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

_INNER = frozenset({"gpt_cond_latent", "speaker_embedding", "storage", "cpu"})


def speaker_names(path: Path) -> list[str]:
    """The names in a ``speakers_xtts.pth``: a dictionary by name, of dictionaries of tensors. Nothing is unpickled."""
    with zipfile.ZipFile(path) as archive:
        member = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        pickled = archive.read(member)
    words = [str(value) for opcode, value, _ in pickletools.genops(pickled) if opcode.name.endswith("BINUNICODE")]
    return list(dict.fromkeys(word for word in words if word not in _INNER and not word.isdigit()))
