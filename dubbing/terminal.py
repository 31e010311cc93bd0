"""What a person at a terminal sees: a bar per stage, tables, one-sentence errors. All of it on standard error,
but for results."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dubbing.errors import DubbingError
from dubbing.pipeline.progress import Listener, Progress

LABELS = {
    "weights": "Weights", "still": "Making a video of the picture", "hash": "Reading the file",
    "hear": "Finding the phones", "sound": "Decoding the sound",
    "separate": "Taking speech out of the sound", "transcribe": "Transcribing", "diarize": "Telling speakers apart",
    "profile": "Measuring voices", "faces": "Tracking faces", "mouths": "Learning the speakers' mouths",
    "translate": "Translating", "synthesize": "Synthesizing", "lipsync": "Repainting mouths", "mix": "Mixing",
    "export": "Encoding", "quality": "Checking the result", "prosody": "Listening how lines are said",
    "reference": "Finding a speaker's cleanest seconds", "room": "Measuring rooms", "loudness": "Setting the loudness",
    "measure": "Measuring the finished file", "edges": "Finding where lines begin and end",
    "reach": "Finding what the mix replaces", "adapt": "Adapting to the speakers",
}


def label(stage: str) -> str:
    """A stage's name for people; ``translate:en`` becomes ``Translating (en)``."""
    name, _, detail = stage.partition(":")
    return LABELS.get(name, name) + (f" ({detail})" if detail else "")


@contextmanager
def bars() -> Iterator[Listener]:
    """A listener that draws one live bar per stage with its ETA; plain lines where there is no terminal."""
    if not sys.stderr.isatty():
        yield _plain()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<38}"), BarColumn(bar_width=28), TextColumn("{task.percentage:>3.0f} %"),
               TextColumn("{task.fields[note]}"))
    with Bars(*columns, console=Console(stderr=True), refresh_per_second=8) as drawn:
        tasks: dict[str, int] = {}

        def show(event: Progress) -> None:
            if event.stage not in tasks:
                tasks[event.stage] = drawn.add_task(label(event.stage), total=1.0, note="")
            drawn.update(tasks[event.stage], completed=event.fraction, note=_note(event))  # type: ignore[arg-type]

        yield show


def _plain() -> Listener:
    """One line when a stage ends: what a log file wants."""
    finished: set[str] = set()

    def show(event: Progress) -> None:
        if event.eta_s == 0.0 and event.fraction >= 1.0 and event.stage not in finished:
            finished.add(event.stage)
            print(f"{label(event.stage):<38} {_note(event)}", file=sys.stderr, flush=True)

    return show


def _note(event: Progress) -> str:
    if event.cached:
        return "reused"
    if event.fraction >= 1.0 and event.eta_s == 0.0:
        return f"{event.elapsed_s:.1f} s"
    left = f"{_clock(event.eta_s)} left" if event.eta_s is not None else ""
    return f"{left}  {event.message}".strip()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def time_code(ms: int) -> str:
    """``83450`` -> ``1:23.450``."""
    minutes, rest = divmod(ms, 60_000)
    return f"{minutes}:{rest / 1000:06.3f}"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print a table on standard output, wrapped to the terminal's width."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, header in enumerate(headers):
        drawn.add_column(header, justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    width = None if sys.stdout.isatty() else 120
    # Texts come from people and models: no markup in them is ours.
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    console.print(drawn)


def note(text: str) -> None:
    """One line for a person, beside the results."""
    print(text, file=sys.stderr, flush=True)


def fail(error: DubbingError) -> int:
    """Say what is wrong and what to do; returns the exit code."""
    note(f"Error: {error.message}")
    if error.hint:
        note(f"Hint: {error.hint}")
    return error.exit_code
