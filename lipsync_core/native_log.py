"""Keeps native libraries' logs out of Python and off the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def mute_ffmpeg() -> None:
    """Drop FFmpeg's log in C, as PyAV does by default; call it before a file is opened.

    Other libraries (torchvision, when it is imported) route that log through Python. A decoder thread that
    logs then waits for the interpreter's lock while the interpreter waits for the decoder thread to end:
    the process hangs for good.
    """
    import av.logging

    av.logging.set_level(None)


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Send what native code writes to standard error nowhere (LiteRT announces its delegate there)."""
    try:
        target = sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        # No real file behind it (a notebook, a test's capture): native code writes elsewhere anyway.
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(target), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, target)
        yield
    finally:
        os.dup2(kept, target)
        os.close(kept)
        os.close(nowhere)
