"""Lip-sync as a library: faces, articulation, mouth atlas, patches, metrics. Never imports dubbing or ui.

The names below are imported when they are first used: ``import lipsync_core`` itself loads no other package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lipsync_core.engine import AtlasLipSync, Line, Rendered, Span
    from lipsync_core.face.models import default_folder
    from lipsync_core.metrics.judge import judge
    from lipsync_core.patch import Patch, read_patches
    from lipsync_core.speech.align import align
    from lipsync_core.speech.articulation import articulate
    from lipsync_core.speech.listen import listen

__version__ = "0.1.0"

__all__ = ["AtlasLipSync", "Line", "Patch", "Rendered", "Span", "__version__", "align", "articulate", "default_folder",
           "judge", "listen", "read_patches"]

_HOME = {
    "AtlasLipSync": "engine", "Line": "engine", "Rendered": "engine", "Span": "engine",
    "Patch": "patch", "read_patches": "patch",
    "align": "speech.align", "articulate": "speech.articulation", "listen": "speech.listen",
    "default_folder": "face.models", "judge": "metrics.judge",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
