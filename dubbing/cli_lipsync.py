"""``dubbing lipsync`` and ``dubbing score``: one file, one sound, no project."""

from __future__ import annotations

from pathlib import Path

import click

from dubbing import terminal
from dubbing.cli import F, adapt_options, cli, emit, json_option

BACKENDS = ("auto", "atlas", "own", "wav2lip", "fake")


def with_adapt_options(command: F) -> F:
    """``--adapt`` and its time."""
    for option in reversed(adapt_options()):
        command = option(command)
    return command


@cli.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.argument("audio", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write (.mp4, .mov or .mkv).")
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True,
              help="How the mouth is repainted; auto is the best that runs without a checkpoint, fake is for tests.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Weights, for --backend wav2lip or own.")
@with_adapt_options
@click.option("--transcript", type=click.Path(path_type=Path),
              help="The words of AUDIO (text, SRT, WebVTT, Whisper's JSON): closures become exact.")
@click.option("--language", default="", metavar="LANG",
              help="Language of AUDIO (ISO 639-1, such as en); told by the transcript if left out.")
@json_option
def lipsync(video: Path, audio: Path, out: Path, backend: str, checkpoint: Path | None, transcript: Path | None,
            language: str, adapt: bool, adapt_minutes: float, as_json: bool) -> None:
    """Make the speaker of VIDEO say AUDIO, which becomes its sound.

    VIDEO keeps its length, and the mouth rests where AUDIO is silent or over. A still picture (PNG, JPEG ...) becomes a
    video as long as AUDIO. AUDIO may be a sound file or a video. Without --transcript the words are heard. With --adapt
    VIDEO's own sound has to be the speaker's own speech.
    """
    from dubbing.lipsync_file import lipsync as run

    with terminal.bars() as listener:
        done = run(video, audio, out, backend=backend, checkpoint=checkpoint, transcript=transcript,
                   language=language, adapt=adapt, adapt_minutes=adapt_minutes, say=terminal.note, listener=listener)
    if as_json:
        emit(done.to_json())
        return
    click.echo(f"Lip-synced video: {done.out} ({done.repainted} of {done.frame_count} frames repainted)")
    for text in done.notes:
        terminal.note(f"Note: {text}")


@cli.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option("--audio", type=click.Path(path_type=Path), help="The speech, if it is not VIDEO's own sound.")
@click.option("--reference", type=click.Path(path_type=Path), help="The original video that VIDEO was made from.")
@click.option("--syncnet", type=click.Path(path_type=Path), help="SyncNet's weights: adds LSE-D and LSE-C.")
@click.option("--transcript", type=click.Path(path_type=Path),
              help="The words that are said (text, SRT, WebVTT, Whisper's JSON); heard if left out.")
@click.option("--language", default="", metavar="LANG", help="Language of the transcript.")
@click.option("--report", "pages", type=click.Path(path_type=Path), multiple=True,
              help="One-page report to write (.html or .png); may be given twice.")
@json_option
def score(video: Path, audio: Path | None, reference: Path | None, syncnet: Path | None, transcript: Path | None,
          language: str, pages: tuple[Path, ...], as_json: bool) -> None:
    """Judge the lip-sync and the picture of VIDEO, alone or against its original.

    Prints every figure with its bar, then the worst moments. Without --reference all that compares pictures with the
    original's is left out, and named. A bar that is missed is no failure of the command.
    """
    from dubbing.lipsync_file import score as run

    with terminal.bars() as listener:
        found = run(video, sound=audio, reference=reference, syncnet=syncnet, transcript=transcript,
                    language=language, pages=pages, listener=listener)
    if as_json:
        emit(found)
        return
    rows = []
    for key, value in found["summary"].items():
        low, high = found["bars"].get(key, (None, None))
        bar = " to ".join(str(b) for b in (low, high) if b is not None)
        bar = ("at least " if high is None else "at most " if low is None else "") + bar if bar else ""
        passed = found["passed"].get(key)
        rows.append([key, f"{value:.3f}" if isinstance(value, float) else str(value), bar,
                     "" if passed is None else "yes" if passed else "no"])
    for face in found.get("lse", {}).get("faces", ()):
        rows.append([f"LSE-D / LSE-C (face {face['track']})",
                     f"{face['lse_d']:.3f} / {face['lse_c']:.3f}", f"offset {face['offset_frames']} frames", ""])
    terminal.table(("Figure", "Value", "Bar", "Met"), rows, right=(1,))
    for key, reason in found["omitted"].items():
        terminal.note(f"Left out: {key} ({reason})")
    for moment in found["worst"][:5]:
        terminal.note(f"{terminal.time_code(moment['time_ms'])}: {moment['what']}")
    for page in pages:
        click.echo(f"Report: {page}")
