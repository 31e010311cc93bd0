"""``dubbing project``: create, list, look at, edit, run and export projects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dubbing import terminal
from dubbing.cli import cli, counted, emit, engine_options, json_option, options_from, show_result, workspace
from dubbing.errors import UsageError

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Line, Project
    from dubbing.domain.quality import Severity

language_option = click.option("--lang", "language", metavar="LANG",
                               help="Target language; needed only where the project has several.")


@cli.group()
def project() -> None:
    """Create, list, show, edit, run and export projects."""


@project.command()
@click.argument("video", type=click.Path(path_type=Path))
@engine_options
@click.option("--name", help="Name of the project; the file's own when left out.")
@json_option
def new(video: Path, name: str | None, as_json: bool, **arguments: Any) -> None:
    """Create a project of VIDEO without running it."""
    with workspace() as opened, terminal.bars() as listener:
        created = opened.create(video, options_from(arguments), name=name, listener=listener)
    if as_json:
        emit({"project": created.id, "name": created.name})
    else:
        click.echo(f"Project {created.id} ({created.name}). Run it with: dubbing project run {created.id}")


@project.command("list")
@json_option
def list_projects(as_json: bool) -> None:
    """List the projects, newest first."""
    with workspace() as opened:
        rows = [_project_json(opened, p) for p in opened.projects()]
    if as_json:
        emit({"projects": rows})
    elif not rows:
        click.echo("There is no project yet. Create one with: dubbing project new VIDEO --to LANG")
    else:
        terminal.table(("Project", "Name", "Languages", "Lines", "Created"),
                       [[r["id"], r["name"], f"{r['source_language'] or '?'} -> {', '.join(r['targets'])}",
                         str(r["lines"]), r["created_at"][:16]] for r in rows], right=(3,))


@project.command()
@click.argument("reference", metavar="PROJECT")
@language_option
@json_option
def show(reference: str, language: str | None, as_json: bool) -> None:
    """Show every line of PROJECT: who, when, texts, take, and what is stale."""
    with workspace() as opened:
        found = opened.project(reference)
        languages = [language] if language else list(found.targets)
        lines = {code: opened.lines(found, code) for code in languages}
        about = _project_json(opened, found)
    if as_json:
        emit({**about, "languages": {code: [_line_json(line) for line in rows] for code, rows in lines.items()}})
        return
    click.echo(f"{about['name']} ({about['id']}): {about['source']}")
    for code, rows in lines.items():
        terminal.table(("Line", "Who", "When", "Source", f"Target ({code})", "Tempo", "State"),
                       [[line.utterance.id, line.utterance.speaker, terminal.time_code(line.utterance.start_ms),
                         line.utterance.text, line.translation.text if line.translation else "",
                         f"{line.take.tempo:.2f}" if line.take else "-", _state(line)] for line in rows], right=(5,))


@project.command()
@click.argument("reference", metavar="PROJECT")
@click.option("--out", type=click.Path(path_type=Path), help="Also write the finished files here (a file or a folder).")
@click.option("--queue", is_flag=True, help="Leave the work to a `dubbing worker`.")
@json_option
def run(reference: str, out: Path | None, queue: bool, as_json: bool) -> None:
    """Bring PROJECT up to date: compute exactly what is new or stale."""
    from dubbing.api import output_paths

    with workspace() as opened, terminal.bars() as listener:
        found = opened.project(reference)
        if queue:
            job = opened.enqueue(found)
            emit({"project": found.id, "job": job.id}) if as_json else click.echo(f"Job {job.id} waits for a worker.")
            return
        outputs = output_paths(Path(found.source_path), found.targets, out) if out is not None else {}
        result = opened.run(found, outputs=outputs, listener=listener)
    if as_json:
        emit(result.to_json())
    else:
        show_result(result)


@project.command("set")
@click.argument("reference", metavar="PROJECT")
@click.argument("line", metavar="LINE")
@language_option
@click.option("--text", help="Target text.")
@click.option("--source-text", help="Source text.")
@click.option("--speaker", help="Who says it.")
@click.option("--start", "start_ms", help="Start: 83.45, 1:23.450 or 83450ms.")
@click.option("--end", "end_ms", help="End, in the same forms.")
@click.option("--voice", help="Voice of this line's speaker in the target language; empty: chosen by the program.")
@click.option("--camera", type=click.Choice(["on", "off", "auto"]), help="Whether the mouth is repainted.")
@json_option
def set_line(reference: str, line: str, start_ms: str | None, end_ms: str | None, camera: str | None, as_json: bool,
             **fields: Any) -> None:
    """Edit LINE of PROJECT; `project run` then renews exactly what the edit made stale."""
    from dubbing.api import LineEdit
    from dubbing.domain.project import UNCHANGED

    if camera is None and start_ms is None and end_ms is None and \
            all(fields[name] is None for name in ("text", "source_text", "speaker", "voice")):
        raise UsageError("Nothing was given to change.", "`dubbing project set --help` lists what can be.")
    on_camera = {"on": True, "off": False, "auto": None}[camera] if camera else UNCHANGED
    edit = LineEdit(start_ms=milliseconds(start_ms), end_ms=milliseconds(end_ms), on_camera=on_camera, **fields)
    with workspace() as opened:
        found = opened.project(reference)
        opened.set_line(found, line, edit)
        rows = {code: _line_json(row) for code in found.targets for row in opened.lines(found, code)
                if row.utterance.id == line}
    if as_json:
        emit({"project": found.id, "line": line, "languages": rows})
    else:
        stale = sorted(code for code, row in rows.items() if row["stale"])
        hint = f" Stale in {', '.join(stale)}: dubbing project run {found.id}" if stale else ""
        click.echo(f"{line} saved.{hint}")


@project.command()
@click.argument("reference", metavar="PROJECT")
@click.argument("what", type=click.Choice(["video", "preview", "stems", "subtitles"]))
@language_option
@click.option("--out", type=click.Path(path_type=Path), required=True,
              help="File (video, preview) or folder (stems, subtitles) to write.")
@click.option("--format", "fmt", type=click.Choice(["srt", "vtt"]), default="srt", show_default=True,
              help="Format of the subtitles.")
@json_option
def export(reference: str, what: str, language: str | None, out: Path, fmt: str, as_json: bool) -> None:
    """Export the finished video, a side-by-side preview, the stems (speech, M&E, mix as WAV) or both subtitles."""
    with workspace() as opened, terminal.bars() as listener:
        found = opened.project(reference)
        written, notes = opened.export(found, what, out, language=language, subtitle_format=fmt, listener=listener)
    for text in notes:
        terminal.note(f"Note: {text}")
    if as_json:
        emit({"project": found.id, "files": {name: str(path) for name, path in written.items()}, "notes": notes})
    else:
        for name, path in written.items():
            click.echo(f"{name}: {path}")


@project.command()
@click.argument("reference", metavar="PROJECT")
@click.option("--to", "--lang", "language", metavar="LANG",
              help="Target language; needed only where the project has several.")
@click.option("--html", "page", type=click.Path(path_type=Path), help="Also write the report as one HTML file.")
@json_option
def qc(reference: str, language: str | None, page: Path | None, as_json: bool) -> None:
    """Quality control of PROJECT, brought up to date first: what was found in each line, and what was measured."""
    from dubbing.media.atomic import replacing

    with workspace() as opened, terminal.bars() as listener:
        found = opened.project(reference)
        code, reports = opened.quality(found, language, listener=listener)
        report, content = reports.report(found.id, code), reports.as_json(found.id, code)
        if page is not None:
            with replacing(page) as temporary:
                temporary.write_bytes(reports.as_page(found.id, code))
    if as_json:
        emit(json.loads(content))
        return
    terminal.table(("Line", "When", "Severity", "Check", "What was found"),
                   [[one.utterance_id or "-", terminal.time_code(one.at_ms) if one.at_ms is not None else "-",
                     "dismissed" if one.is_dismissed else _severity(one.severity), one.check, one.message]
                    for one in report.findings])
    click.echo(", ".join(counted(count, _severity(severity)) for severity, count in report.counts.items()))
    if page is not None:
        click.echo(f"Report: {page}")


def _severity(severity: Severity) -> str:
    """What people call a severity."""
    return "note" if severity.value == "info" else severity.value


def milliseconds(text: str | None) -> int | None:
    """``83.45``, ``1:23.450``, ``0:01:23.45`` or ``83450ms`` as whole milliseconds. Raises UsageError."""
    if text is None:
        return None
    if match := re.fullmatch(r"(\d+)\s*ms", text.strip()):
        return int(match.group(1))
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)", text.strip())
    if match is None:
        raise UsageError(f"“{text}” is not a time.", "Write 83.45, 1:23.450 or 83450ms.")
    hours, minutes, seconds = (match.group(1) or 0), (match.group(2) or 0), match.group(3).replace(",", ".")
    return (int(hours) * 3600 + int(minutes) * 60) * 1000 + round(float(seconds) * 1000)


def _project_json(opened: Workspace, found: Project) -> dict[str, Any]:
    return {"id": found.id, "name": found.name, "source": found.source_path, "source_language": found.source_language,
            "targets": list(found.targets), "created_at": found.created_at.isoformat(),
            "lines": len(opened.storage.utterances.all(found.id))}


def _line_json(line: Line) -> dict[str, Any]:
    u, t, k = line.utterance, line.translation, line.take
    return {"id": u.id, "speaker": u.speaker, "start_ms": u.start_ms, "end_ms": u.end_ms, "source_text": u.text,
            "target_text": t.text if t else None, "translated_by": t.engine if t else None,
            "take_ms": k.duration_ms if k else None, "tempo": k.tempo if k else None, "voice": k.voice if k else None,
            "stale": line.translation_is_stale or line.take_is_stale, "revision": u.revision,
            "states": {layer.value: state.value for layer, state in line.states.items()}}


def _state(line: Line) -> str:
    if line.translation is None:
        return "not translated"
    if line.take is None:
        return "not spoken"
    return "stale" if line.translation_is_stale or line.take_is_stale else "up to date"
