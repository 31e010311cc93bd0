"""What time-stretch does to speech: our own (even and elastic) beside FFmpeg's atempo, on the embedded voices.

Run from the repository's root:  python -m scripts.stretch_bench

Printed for each tempo: log-spectral distance (dB), deviation of pitch (cents), share of frames more than a quarter tone
off, and spectral change relative to the original's; means over five sentences in four languages and three voices.
"""

from __future__ import annotations

from dataclasses import astuple
from fractions import Fraction

import av
import numpy as np

from dubbing.domain.elastic import curve
from dubbing.engines.base import Sound
from dubbing.media.wsola import Artefacts, artefacts, warp

TEMPOS = (0.8, 0.9, 1.1, 1.25)
SENTENCES = (
    ("es", "jm_kumo", "Perfecto. Yo puedo comprar pan y tomates en la tienda."),
    ("es", "jf_alpha", "Buenos días, Marcos. ¿Qué tal el viaje?"),
    ("en", "af_heart", "Good morning, Marcos. Could you buy a bottle of water, please?"),
    ("de", "jm_kumo", "Guten Tag, wir haben heute keine Zeit."),
    ("it", "jm_kumo", "Buongiorno, possiamo partire domani mattina."),
)


def atempo(sound: Sound, rate: int, tempo: float) -> Sound:
    """FFmpeg's own waveform-similarity overlap-add: mono ``sound`` ``tempo`` times as fast."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
    stretcher, sink = graph.add("atempo", f"{tempo:.6f}"), graph.add("abuffersink")
    source.link_to(stretcher)
    stretcher.link_to(sink)
    graph.configure()
    # It swallows its last window.
    frame = av.AudioFrame.from_ndarray(np.pad(sound, (0, rate // 5))[None], "flt", "mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    graph.push(frame)
    graph.push(None)
    pieces: list[Sound] = []
    while True:
        try:
            pieces.append(graph.pull().to_ndarray().ravel())
        except (av.error.BlockingIOError, av.error.EOFError):
            break
    return np.concatenate(pieces)[: round(len(sound) / tempo)].astype(np.float32)


def main() -> None:
    from dubbing.engines.tts.embedded import EmbeddedSynthesizer
    from dubbing.pipeline.delivery import trimmed

    voices = EmbeddedSynthesizer()
    spoken = [trimmed(voices.synthesize(text, language, voice)) for language, voice, text in SENTENCES]
    for tempo in TEMPOS:
        found: dict[str, list[Artefacts]] = {"atempo": [], "even": [], "elastic": []}
        for speech in spoken:
            sound, rate = speech.sound, speech.sample_rate
            total = len(sound) * 1000 / rate
            target = round(len(sound) / tempo) * 1000 / rate
            even, elastic = [(0.0, 0.0), (total, target)], curve(speech.phonemes, total, target)
            found["atempo"].append(artefacts(sound, atempo(sound, rate, tempo), rate, even))
            found["even"].append(artefacts(sound, warp(sound, rate, even), rate, even))
            found["elastic"].append(artefacts(sound, warp(sound, rate, elastic), rate, elastic))
        for name, rows in found.items():
            means = np.mean([astuple(row) for row in rows], axis=0)
            print(f"{tempo:.2f}  {name:8}" + "".join(f"{mean:9.3f}" for mean in means))


if __name__ == "__main__":
    main()
