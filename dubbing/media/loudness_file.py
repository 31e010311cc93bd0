"""How loud a finished file is: what is measured is what a viewer's player decodes."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import av

from dubbing.domain.loudness import Loudness
from dubbing.media.audio import blocks, read_wav_blocks
from dubbing.media.loudness_meter import PowerMeter, Powers, measure
from dubbing.media.probe import open_media
from dubbing.media.tracks import AudioTrack, add_dubbed


def measure_file(path: Path, *, stream: int = 0, speech: Path | None = None) -> Loudness:
    """Loudness of audio stream ``stream`` of any media file.

    speech: a WAV file with the speech stem on the same clock, for the dialogue-gated figure.
    Raises MediaError when there is no such stream or it cannot be decoded.
    """
    return measure(blocks(path, stream=stream), sample_rate_of(path, stream),
                   speech_powers(speech) if speech is not None else None)


def measure_encoded(wav: Path, *, speech: Path | None = None) -> Loudness:
    """Loudness of a WAV file once it is encoded as an export encodes it: AAC moves peaks by up to a decibel or so."""
    with tempfile.TemporaryDirectory(dir=wav.parent) as folder:
        trial = Path(folder) / "trial.mp4"
        with av.open(str(trial), "w") as output:
            feed = add_dubbed(output, AudioTrack(wav), Fraction(0))
            feed.advance(None)
        return measure_file(trial, speech=speech)


def speech_powers(stem: Path) -> Powers:
    """K-weighted powers of a WAV file, one every 100 ms."""
    import soundfile

    with soundfile.SoundFile(stem) as file:
        meter = PowerMeter(file.samplerate)
    for block in read_wav_blocks(stem):
        meter.push(block)
    return meter.powers()


def sample_rate_of(path: Path, stream: int = 0) -> int:
    """The sample rate of an audio stream of a media file; 48,000 where there is no such stream."""
    with open_media(path) as container:
        streams = container.streams.audio
        return int(streams[stream].codec_context.sample_rate) if stream < len(streams) else 48_000
