"""``dubbing lipsync`` and ``dubbing score``: one file, one sound, no project."""

from __future__ import annotations

from pathlib import Path

import click

from dubbing import terminal
from dubbing.cli import cli, emit, json_option

BACKENDS = ("auto", "atlas", "wav2lip", "fake")


@cli.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.argument("audio", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write (.mp4, .mov or .mkv).")
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True,
              help="How the mouth is repainted.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Wav2Lip's weights, for --backend wav2lip.")
@click.option("--transcript", type=click.Path(path_type=Path),
              help="The words of AUDIO (text, SRT, WebVTT, Whisper's JSON): closures become exact.")
@click.option("--language", default="", metavar="LANG",
              help="Language of the transcript; told by its words if left out.")
@json_option
def lipsync(video: Path, audio: Path, out: Path, backend: str, checkpoint: Path | None, transcript: Path | None,
            language: str, as_json: bool) -> None:
    """Make the speaker of VIDEO (or of a still picture) say AUDIO, which becomes its sound."""
    from dubbing.lipsync_file import lipsync as run

    with terminal.bars() as listener:
        done = run(video, audio, out, backend=backend, checkpoint=checkpoint, transcript=transcript,
                   language=language, listener=listener)
    if as_json:
        emit(done.to_json())
        return
    click.echo(f"Lip-synced video: {done.out} ({done.repainted} of {done.frame_count} frames repainted)")
    for text in done.notes:
        terminal.note(f"Note: {text}")
