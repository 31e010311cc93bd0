"""``dubbing project terms``: glossary, forbidden words and pronunciations of a project, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dubbing import terminal
from dubbing.cli import emit, json_option, workspace
from dubbing.cli_project import language_option, project
from dubbing.cli_users import OPERATOR
from dubbing.errors import UsageError

if TYPE_CHECKING:
    from dubbing.domain.project import Project
    from dubbing.team.terms import Terms


@project.command()
@click.argument("reference", metavar="PROJECT")
@language_option
@click.option("--keep", multiple=True, metavar="WORD", help="A word or name that stays as it is.")
@click.option("--term", "pairs", multiple=True, metavar="SOURCE=TARGET", help="A word and its translation.")
@click.option("--forbid", multiple=True, metavar="WORD[=INSTEAD]", help="A word that translations must not have.")
@click.option("--say", multiple=True, metavar="WORD=/IPA/",
              help="How a word is spoken: IPA between slashes, or another spelling without them.")
@click.option("--csv", "table", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="A glossary as a table, as the browser writes it.")
@click.option("--remove", multiple=True, metavar="WORD", help="Forget what was said of this word.")
@json_option
def terms(reference: str, language: str | None, keep: tuple[str, ...], pairs: tuple[str, ...], forbid: tuple[str, ...],
          say: tuple[str, ...], table: Path | None, remove: tuple[str, ...], as_json: bool) -> None:
    """List or change the glossary, forbidden words and pronunciations of PROJECT."""
    from dubbing.api import Desk

    with workspace() as opened:
        found = opened.project(reference)
        held = Desk(opened, OPERATOR).terms
        changes = bool(keep or pairs or forbid or say)
        target = _target(found, language) if changes else ""
        for word in remove:
            _remove(held, found, word)
        for word in keep:
            held.save_term(found.id, _source(found), target, word)
        for pair in pairs:
            word, other = _halves("--term", pair)
            held.save_term(found.id, _source(found), target, word, other)
        for given in forbid:
            word, _, instead = given.partition("=")
            held.save_forbidden(found.id, target, word, instead)
        for given in say:
            word, sound = _halves("--say", given)
            is_ipa = len(sound) > 2 and sound.startswith("/") and sound.endswith("/")
            held.save_pronunciation(found.id, target, word, **{"ipa" if is_ipa else "spelling": sound})
        if table is not None:
            held.import_csv(found.id, table.read_bytes())
        rows = _rows(held, found)
    if as_json:
        emit({"project": found.id, "terms": rows})
        return
    terminal.table(("Kind", "Language", "Word", "Becomes"),
                   [[one["kind"], one["language"], one["word"], one["becomes"]] for one in rows])
    if changes or remove or table is not None:
        click.echo(f"Saved. What this makes stale is renewed by: dubbing project run {found.id}")


def _rows(held: Terms, found: Project) -> list[dict[str, Any]]:
    """What holds for the project, what holds everywhere included."""
    rows = [{"kind": "glossary", "language": f"{one.source_language} -> {one.target_language}", "word": one.source,
             "becomes": one.target or one.source} for one in held.all(found.id)]
    rows += [{"kind": "forbidden", "language": one.language, "word": one.term, "becomes": one.instead}
             for one in held.forbidden(found.id)]
    return rows + [{"kind": "pronunciation", "language": one.language, "word": one.word,
                    "becomes": f"/{one.ipa}/" if one.ipa else one.spelling} for one in held.pronunciations(found.id)]


def _remove(held: Terms, found: Project, word: str) -> None:
    """Forget a word of the project's own lists; what holds everywhere stays."""
    wanted, is_known = word.strip().casefold(), False
    for entries, text, delete in ((held.all(found.id), "source", held.delete_term),
                                  (held.forbidden(found.id), "term", held.delete_forbidden),
                                  (held.pronunciations(found.id), "word", held.delete_pronunciation)):
        for one in entries:
            if one.project_id == found.id and getattr(one, text).casefold() == wanted:
                delete(one.id)
                is_known = True
    if not is_known:
        raise UsageError(f"“{word}” is not among the terms of this project.",
                         f"`dubbing project terms {found.id}` lists them.")


def _target(found: Project, language: str | None) -> str:
    if language is None and len(found.targets) == 1:
        return found.targets[0]
    if language not in found.targets:
        raise UsageError("The project has several target languages." if language is None
                         else f"The project is not dubbed into {language}.",
                         f"Name one with --lang: {', '.join(found.targets)}.")
    return language


def _source(found: Project) -> str:
    if not found.source_language:
        raise UsageError("The language of the video is not known yet.",
                         "Run the project once, or create it with --from LANG.")
    return found.source_language


def _halves(option: str, given: str) -> tuple[str, str]:
    word, _, other = given.partition("=")
    if not (word.strip() and other.strip()):
        raise UsageError(f"{option} {given} does not tell what becomes of a word.", f"Write {option} WORD=…")
    return word.strip(), other.strip()
