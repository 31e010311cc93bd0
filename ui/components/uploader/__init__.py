"""Sends a file of any size to the server in pieces: with progress, pause, and going on after whatever broke it.

The browser sends it to the ``/uploads`` routes itself; the page only learns the id of a finished upload, and whether
this person may use it is checked where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from ui import session
from ui.text import texts
from ui.urls import WRITE_HEADER

_HERE = Path(__file__).parent
#: Bytes of one request; what is lost at most when the connection breaks within one is what was on its way.
PIECE = 8 * 1024 * 1024

_component = st.components.v2.component(
    "dubbing.uploader", css=(_HERE / "uploader.css").read_text(encoding="utf-8"),
    js=(_HERE / "uploader.js").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that has arrived: its upload's id, and what the person called it."""

    id: str
    name: str
    size_bytes: int


def uploader(label: str, *, key: str, purpose: str = "video", accept: Sequence[str] = (), hint: str = "",
             offer_earlier: bool = True) -> SentFile | None:
    """A place to choose or drop one file; the file once all of it is on the server, None before.

    ``accept`` are suffixes such as ".mp4"; ``purpose`` is what ``desk.uploads`` knows. ``offer_earlier`` shows what
    this person sent before and no project has taken; once one takes it, the place is empty again.
    """
    mine = {one.id: one for one in session.desk().uploads.mine() if one.purpose == purpose}
    earlier = [{"id": one.id, "name": one.name, "size": one.size_bytes, "received": one.received_bytes,
                "finished": one.finished_at is not None} for one in mine.values()]
    shown = _component(
        key=key, default={"file": None}, on_file_change=lambda: None,
        data={"label": label, "hint": hint, "accept": list(accept), "purpose": purpose, "piece": PIECE,
              "header": WRITE_HEADER, "known": list(mine),
              "earlier": earlier if offer_earlier else [], "texts": texts("upload"), "name": key})
    found = mine.get(str(shown.file["id"])) if shown.file else None
    if found is None or found.finished_at is None:
        return None
    return SentFile(found.id, found.name, found.size_bytes)
