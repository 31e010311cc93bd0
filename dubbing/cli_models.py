"""``dubbing models``: which weights there are, their licences, fetching and verifying them."""

from __future__ import annotations

from typing import Any

import click

from dubbing import terminal
from dubbing.cli import cli, emit, json_option

#: How the table tells whether commercial use is allowed.
COMMERCIAL_USE: dict[object, str] = {True: "yes", False: "no", "conditions": "on conditions"}


@cli.group()
def models() -> None:
    """List, fetch and verify model weights."""


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List every model: size, licence, whether commercial use is allowed, whether it is here."""
    from dubbing.weights.store import Store

    store = Store()
    rows = [{"name": e.name, "kind": e.kind, "purpose": e.does, "licence": e.licence,
             "commercial_use": e.commercial_use, "bytes": e.size_bytes, "embedded": e.embedded,
             "here": "*" not in e.name and store.find(e.name) is not None} for e in store.entries()]
    if as_json:
        emit({"models": rows})
        return
    terminal.table(("Model", "For", "Size", "Here", "Licence", "Commercial use"),
                   [[str(r["name"]), str(r["purpose"]), megabytes(int(str(r["bytes"] or 0))),
                     "yes" if r["here"] else "no", str(r["licence"]),
                     COMMERCIAL_USE.get(r["commercial_use"], str(r["commercial_use"]))]
                    for r in rows],
                   right=(2,))


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def pull(names: tuple[str, ...]) -> None:
    """Fetch models; without a name all that the default engines need."""
    from dubbing.weights.store import Store

    store = Store()
    with terminal.bars() as listener:
        wanted = names or fetch_embedded(listener)
        for name in names:
            fetch(store, name, listener)
    for name in wanted:
        click.echo(f"{name}: {store.find(name)}")


@models.command()
@click.argument("name", required=False)
@json_option
def verify(name: str | None, as_json: bool) -> None:
    """Check the sha256 of every file of NAME, or of all models that are here."""
    from dubbing.weights.store import Store

    results = Store().verify(name)
    if as_json:
        emit({"models": [{"name": r.name, "state": r.state, "problem": r.problem} for r in results]})
    else:
        terminal.table(("Model", "State", "Problem"), [[r.name, r.state, r.problem] for r in results])
    if any(r.state == "damaged" for r in results) or (name and results[0].state != "ok"):
        raise SystemExit(1)


def fetch_embedded(listener: Any) -> tuple[str, ...]:
    """Fetch every model that the default engines need, each under its own bar; returns their names."""
    from dubbing.weights.store import Store

    store = Store()
    wanted = tuple(entry.name for entry in store.defaults())
    for name in wanted:
        fetch(store, name, listener)
    return wanted


def fetch(store: Any, name: str, listener: Any) -> None:
    """Fetch one model under its own bar."""
    from dubbing.pipeline.progress import Clock, Progress

    clock = Clock(f"weights:{name}", "byte", listener)
    is_here = store.find(name) is not None
    store.fetch(name, clock)
    listener(Progress(clock.stage, 1, 1, "byte", "", 0.0, 0.0, cached=is_here))
    for text in store.notes:
        terminal.note(f"Note: {text}")
    store.notes.clear()


def megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count else "?"
