"""What browsers play, told from what probing a file said; nothing is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Lines of the shorter side beyond which a copy is made for pages.
LINES = 1080
_SOUNDS = ("aac", "mp3", "mp3float")


def why_not_played(media: Mapping[str, Any]) -> str:
    """Why a browser may not play a file (``MediaInfo`` as JSON): container, codec, pixel format, size or sound; ""
    when every browser does."""
    picture = media["video"]
    if "mp4" not in media["container"]:
        return "container"
    if not picture or picture["codec"] != "h264":
        return "codec"
    if picture["pixel_format"] not in ("yuv420p", "yuvj420p"):
        return "pixel format"
    if min(picture["height"], picture["width"]) > LINES:
        return "size"
    if media["audio"] and media["audio"][0]["codec"] not in _SOUNDS:
        return "sound"
    return ""
