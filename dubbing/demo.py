"""``make demo``: dub the bundled Spanish sample into English, and show what became of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from dubbing import terminal
from dubbing.errors import DubbingError

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE = REPOSITORY / "samples" / "es_solo.mp4"
OUT = REPOSITORY / "demo"
TARGET = "en"


def run() -> None:
    """Fetch the weights, dub, draw the contact sheet."""
    from dubbing.api import DubOptions, open_workspace
    from dubbing.cli import show_result
    from dubbing.cli_models import fetch_embedded

    started = time.monotonic()
    terminal.note("Weights (each is fetched once and verified):")
    with terminal.bars() as listener:
        fetch_embedded(listener)
    terminal.note(f"Dubbing {SAMPLE.relative_to(REPOSITORY)} from Spanish into English:")
    with open_workspace() as workspace, terminal.bars() as listener:
        options = DubOptions(targets=(TARGET,))
        result = workspace.dub(SAMPLE, options, out=OUT / f"{SAMPLE.stem}.{TARGET}.mp4", listener=listener)
        sheet = workspace.contact_sheet(workspace.project(result.project), TARGET, OUT / "contact_sheet.png")
    show_result(result)
    if sheet is not None:
        click.echo(f"Contact sheet (original above, dubbed below): {sheet}")
    reused = sum(bool(stage["cached"]) for stage in result.stages)
    took = f"{time.monotonic() - started:.0f} s"
    if reused == len(result.stages):
        click.echo(f"Everything was there from an earlier run and was reused ({took}).")
    else:
        click.echo(f"Done in {took}; {len(result.stages) - reused} of {len(result.stages)} stages were computed.")


def main() -> None:
    try:
        run()
    except DubbingError as error:
        sys.exit(terminal.fail(error))
    except KeyboardInterrupt:
        terminal.note("Stopped. The same command goes on where it was.")
        sys.exit(130)


if __name__ == "__main__":
    main()
