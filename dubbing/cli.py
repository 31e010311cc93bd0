"""The ``dubbing`` command: thin over ``dubbing.api``. Results go to standard output, all else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dubbing import __version__, terminal
from dubbing.domain.loudness import PRESETS, SOURCE
from dubbing.errors import DubbingError, UsageError
from dubbing.options import ADAPT_MINUTES, LEAST_ADAPT_MINUTES, MOST_ADAPT_MINUTES, MOST_DUCK_DB

if TYPE_CHECKING:
    from dubbing.api import DubOptions, DubResult, Workspace

F = TypeVar("F", bound=Callable[..., Any])
#: Options whose values are handed on as they are.
_AS_GIVEN = ("source", "speakers", "lipsync", "recognizer", "diarizer", "separator", "keep_original", "style",
             "loudness", "duck_db", "prosody", "room", "adapt", "adapt_minutes")
LIPSYNC = ("auto", "atlas", "own", "wav2lip", "off", "fake")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dubbing")
def cli() -> None:
    """Dub video into other languages, with lip-sync. Everything runs on this machine."""


def adapt_options() -> tuple[Callable[[F], F], ...]:
    """The options of adaptation; shared by everything that repaints mouths."""
    return (
        click.option("--adapt", is_flag=True,
                     help="Train our generator on each speaker first, and use it where it beats the atlas."),
        click.option("--adapt-minutes", type=click.FloatRange(LEAST_ADAPT_MINUTES, MOST_ADAPT_MINUTES),
                     default=ADAPT_MINUTES, show_default=True, metavar="M",
                     help="How long that may take for each speaker."),
    )


def engine_options(command: F) -> F:
    """The options that choose engines and languages; shared by ``dub`` and ``project new``."""
    for option in reversed([
        click.option("--to", "targets", multiple=True, required=True, metavar="LANG",
                     help="Target language (ISO 639-1, such as en); may be given several times."),
        click.option("--from", "source", metavar="LANG", help="Source language; found by listening when left out."),
        click.option("--speakers", type=click.IntRange(1, 20), help="Number of speakers; found when left out."),
        click.option("--lipsync", type=click.Choice(LIPSYNC), default="auto", show_default=True,
                     help="How mouths are repainted."),
        click.option("--checkpoint", type=click.Path(path_type=Path), help="Weights, for --lipsync wav2lip or own."),
        *adapt_options(),
        click.option("--translator", "translators", multiple=True, metavar="[LANG=]NAME",
                     help="Translation engine, of all languages or of one; the best there is when left out."),
        click.option("--style", default="", metavar="TEXT", help="Notes on style, for translators that read them."),
        click.option("--recognizer", default="auto", show_default=True, help="Recognition engine."),
        click.option("--diarizer", default="auto", show_default=True, help="Engine that tells speakers apart."),
        click.option("--voice-engine", "--synthesizer", "synthesizers", multiple=True, metavar="[LANG=]NAME",
                     help="Voice engine, of all languages or of one; the best there is when left out."),
        click.option("--separator", default="auto", show_default=True, help="Engine that takes speech out."),
        click.option("--loudness", type=click.Choice(tuple(PRESETS)), default=SOURCE, show_default=True,
                     help="Loudness of the finished mix."),
        click.option("--duck", "duck_db", type=click.FloatRange(0, MOST_DUCK_DB), default=0.0, show_default=True,
                     metavar="DB", help="How far music and effects go down under dubbed lines."),
        click.option("--no-prosody", "prosody", is_flag=True, flag_value=False, default=True,
                     help="Do not let takes follow the original's loudness, pitch and emphasis."),
        click.option("--no-room", "room", is_flag=True, flag_value=False, default=True,
                     help="Do not place takes in the original's room."),
        click.option("--keep-original", is_flag=True, help="Keep the original sound as a second track."),
    ]):
        command = option(command)
    return command


def options_from(arguments: dict[str, Any]) -> DubOptions:
    """The typed form of what ``engine_options`` collected."""
    from dubbing.api import DubOptions

    translator, translator_of = _by_language("--translator", arguments["translators"])
    synthesizer, synthesizer_of = _by_language("--voice-engine", arguments["synthesizers"])
    own = {language: {kind: chosen[language] for kind, chosen in (("translator", translator_of),
                                                                  ("synthesizer", synthesizer_of))
                      if language in chosen} for language in sorted({*translator_of, *synthesizer_of})}
    checkpoint = arguments["checkpoint"]
    return DubOptions(targets=tuple(dict.fromkeys(arguments["targets"])), translator=translator,
                      synthesizer=synthesizer, by_language=own,
                      checkpoint=str(checkpoint.resolve()) if checkpoint else None,
                      **{name: arguments[name] for name in _AS_GIVEN})


def _by_language(option: str, given: Sequence[str]) -> tuple[str, dict[str, str]]:
    """(engine of all languages, engine by language) from values such as "whisper" and "es=apertium"."""
    of_all, of_one = "auto", {}
    for value in given:
        language, separator, name = value.rpartition("=")
        if separator and not (language.strip() and name.strip()):
            raise UsageError(f"{option} {value} names no engine for a language.", f"Write {option} es=NAME.")
        if separator:
            of_one[language.strip()] = name.strip()
        else:
            of_all = name
    return of_all, of_one


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")


@contextmanager
def workspace() -> Iterator[Workspace]:
    """The workspace of this user's settings, closed at the end."""
    from dubbing.api import open_workspace

    with open_workspace() as opened:
        yield opened


def emit(value: Any) -> None:
    """One JSON object, and nothing else, on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


@cli.command()
@click.argument("video", type=click.Path(path_type=Path))
@engine_options
@click.option("--out", type=click.Path(path_type=Path), help="File to write, or a folder when there are several --to.")
@json_option
def dub(video: Path, out: Path | None, as_json: bool, **arguments: Any) -> None:
    """Dub VIDEO. Interrupted, the same command goes on where it was."""
    with workspace() as opened, terminal.bars() as listener:
        result = opened.dub(video, options_from(arguments), out=out, listener=listener)
    if as_json:
        emit(result.to_json())
    else:
        show_result(result)


def counted(number: int, word: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def show_result(result: DubResult) -> None:
    """Who said what when, how well it fits, and where the files are."""
    for language, path in result.outputs.items():
        rows = [[line.speaker, f"{terminal.time_code(line.start_ms)}", line.source_text,
                 line.target_text.get(language, ""),
                 f"{line.tempo[language]:.2f}" if language in line.tempo else "-"] for line in result.utterances]
        terminal.table(("Who", "When", "Source", f"Target ({language})", "Tempo"), rows, right=(4,))
        if fit := result.fit.get(language, {}).get("takes"):
            click.echo(f"Fit ({language}): {fit['in_window']} of {fit['lines']} lines at a comfortable tempo, "
                       f"{fit['pauses_kept']} of {fit['pauses']} pauses kept")
        if loud := result.loudness.get(language):
            click.echo(f"Loudness ({language}): {_loudness(loud)}")
        if found := result.quality.get(language, {}).get("qc"):
            click.echo(f"Quality ({language}): {counted(found['errors'], 'error')}, "
                       f"{counted(found['warnings'], 'warning')}, {counted(found['infos'], 'note')}; "
                       f"`dubbing project qc {result.project} --to {language}` tells them")
        click.echo(f"Dubbed video ({language}): {path}")
    for text in result.notes:
        terminal.note(f"Note: {text}")


def _loudness(account: dict[str, Any]) -> str:
    """What the finished file measures, in words."""
    measured = account["file"]
    level, peak = measured["integrated"], measured["true_peak"]
    if level is None or peak is None:
        return "silent"
    spoken = f", {measured['dialogue']:.1f} LUFS while somebody speaks" if measured["dialogue"] is not None else ""
    return f"{level:.1f} LUFS{spoken}, true peak {peak:.1f} dBTP ({PRESETS[account['preset']].title})"


@cli.command()
@click.argument("video", type=click.Path(path_type=Path), required=False)
@click.option("--to", "target", default="en", show_default=True, metavar="LANG", help="Target language.")
@click.option("--lipsync", type=click.Choice(LIPSYNC), default="auto", show_default=True, help="Lip-sync engine.")
@click.option("--history", type=click.Path(path_type=Path), default=Path("bench/history.jsonl"), show_default=True,
              help="File that a line is appended to.")
@json_option
def bench(video: Path | None, target: str, lipsync: str, history: Path, as_json: bool) -> None:
    """Measure what a dub of VIDEO (the bundled sample when left out) costs, stage by stage."""
    from dubbing.api import DubOptions
    from dubbing.bench import keep, measure
    from dubbing.cli_models import fetch_embedded
    from dubbing.demo import SAMPLE

    with terminal.bars() as listener:
        fetch_embedded(listener)
    with terminal.bars() as listener:
        done = measure(video or SAMPLE, DubOptions(targets=(target,), lipsync=lipsync), listener)
    keep(done, history)
    if as_json:
        emit(done.to_json())
        return
    rows = [[f"{r['name']} {r['language'] or ''}", f"{r['seconds']:.1f}", f"{r['seconds'] / done.duration_s:.2f}",
             str(r["peak_mb"])] for r in done.rows]
    rows.append(["all", f"{done.seconds:.1f}", f"{done.ratio:.2f}", str(max(r["peak_mb"] for r in done.rows))])
    terminal.table(("Stage", "Seconds", "x duration", "Peak MB"), rows, right=(1, 2, 3))


@cli.command()
@click.option("--lane", type=click.Choice(("quick", "heavy", "any")), default="any", show_default=True,
              help="Which jobs: single lines and looks at files, whole dubs and exports, or both.")
@click.option("--until-idle", is_flag=True, help="Stop when no job waits.")
def worker(lane: str, until_idle: bool) -> None:
    """Take jobs from the database and work on them, until stopped."""
    from dubbing.worker import work

    with workspace() as opened, terminal.bars() as listener:
        work(opened, lane=lane, until_idle=until_idle, listener=listener, say=terminal.note)


@cli.command()
@json_option
def engines(as_json: bool) -> None:
    """List the engines: which can run here, and what the others lack."""
    from dubbing import registry

    rows = registry.status()
    if as_json:
        emit({"engines": [{"kind": r.kind, "name": r.name, "available": r.is_available, "fake": r.is_fake,
                           "licence": r.licence, "why_unavailable": r.why_unavailable} for r in rows]})
        return
    terminal.table(("Kind", "Engine", "Runs here", "Licence", "What it lacks"),
                   [[r.kind, r.name + (" (fake, for tests)" if r.is_fake else ""), "yes" if r.is_available else "no",
                     r.licence, r.why_unavailable or ""] for r in rows])


@cli.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is here, what is missing and what it would take."""
    from dubbing.doctor import examine

    findings = examine()
    if as_json:
        emit({"ok": all(f.is_ok or f.is_optional for f in findings), "findings": [f.to_json() for f in findings]})
    else:
        terminal.table(("", "What", "State", "What to do"),
                       [["ok" if f.is_ok else "--", f.name, f.state, f.advice] for f in findings])
    if not all(f.is_ok or f.is_optional for f in findings):
        raise SystemExit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: every failure a user can cause ends in a sentence, a hint and an exit code."""
    import dubbing.cli_lipsync
    import dubbing.cli_models
    import dubbing.cli_project
    import dubbing.cli_terms
    import dubbing.cli_ui
    import dubbing.cli_users  # noqa: F401  (these register their commands)

    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(args=arguments, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except DubbingError as error:
        if "--json" in arguments:
            emit({"error": error.message, "hint": error.hint})
        sys.exit(terminal.fail(error))
    except click.ClickException as error:
        wrong = UsageError(error.format_message().rstrip(".") + ".",
                           f"`dubbing {' '.join(arguments[:1])} --help` shows how it is used.")
        if "--json" in arguments:
            emit({"error": wrong.message, "hint": wrong.hint})
        sys.exit(terminal.fail(wrong))
    except (KeyboardInterrupt, click.Abort):
        terminal.note("Stopped. The same command goes on where it was.")
        sys.exit(130)
    except MemoryError:
        sys.exit(terminal.fail(DubbingError("The memory is full.", "Close other programs; the same command goes on.")))
    except BrokenPipeError:
        # The reader of our output has gone (``| head``): nothing left to say, and no trace of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        # A fault of ours. The trace is for whoever mends it, not for whoever dubs.
        if os.environ.get("DUBBING_DEBUG"):
            raise
        sys.exit(terminal.fail(DubbingError(
            f"Something went wrong that should not have ({type(error).__name__}: {error}).",
            "What was finished is kept. DUBBING_DEBUG=1 shows where; please report it.")))

