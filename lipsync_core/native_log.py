"""Keeps FFmpeg's log out of Python."""

from __future__ import annotations


def mute_ffmpeg() -> None:
    """Drop FFmpeg's log in C, as PyAV does by default; call it before a file is opened.

    Other libraries (torchvision, when it is imported) route that log through Python. A decoder thread that
    logs then waits for the interpreter's lock while the interpreter waits for the decoder thread to end:
    the process hangs for good.
    """
    import av.logging

    av.logging.set_level(None)
