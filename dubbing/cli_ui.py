"""``dubbing ui``: the workspace in the browser."""

from __future__ import annotations

import click

from dubbing import terminal
from dubbing.cli import cli
from dubbing.errors import UnavailableError


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8501, show_default=True,
              help="Port of the web server; 0: any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address that it answers on; 0.0.0.0: also other machines.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--no-worker", is_flag=True, help="Start no workers: others run `dubbing worker`.")
def ui(port: int, host: str, no_browser: bool, no_worker: bool) -> None:
    """Start the workspace: the web server, its workers and a browser."""
    import importlib.util

    if importlib.util.find_spec("streamlit") is None:
        raise UnavailableError("The pages of the workspace are not installed.",
                               "`pip install dubbing-workspace[ui]` adds them.")
    # The pages stand on dubbing, not the other way round; this command only starts them.
    run = importlib.import_module("ui.start").run
    run(host=host, port=port, browser=not no_browser, workers=not no_worker, say=terminal.note)
