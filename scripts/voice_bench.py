"""How like a speaker the voice is that dubs them: matched (chosen, and moved in pitch and formants) against unmatched.

``python -m scripts.voice_bench --to es [--media FOLDER] [--json]``. Speakers are the bundled samples' and one of each
clip of ``--media`` in which somebody speaks; their speech is separated as a dub separates it, and what is compared is
the passages that a cloning engine would be shown. Figures are cosines of Resemblyzer's voice prints.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dubbing.engines.base import Sound, SpeakerSpan
from dubbing.media import audio
from dubbing.media.probe import probe
from dubbing.pipeline import reference
from dubbing.pipeline.similarity import Ear, Print, similarity, voice_print
from dubbing.pipeline.voice_match import SpeakerProfile, VoiceSpec, apply_voice, assign_voices, measure_speaker

_SAMPLES = Path(__file__).resolve().parents[1] / "samples"
_SENTENCES = 3
_LONGEST_S = 30


@dataclass(frozen=True, slots=True)
class Heard:
    """A speaker of a clip: the prints of two halves of the cleanest passages, and of the whole."""

    name: str
    profile: SpeakerProfile
    whole: Print
    itself: float
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.voice_bench", description=__doc__)
    parser.add_argument("--to", default="es", help="language that is spoken")
    parser.add_argument("--media", type=Path, help="a folder of clips, one speaker each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    ear = _ear()
    heard = [*_samples(ear), *(_clips(options.media, ear) if options.media else ())]
    report = compared(heard, options.to, ear)
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    for row in report["speakers"]:
        print(f"{row['speaker']:34} {row['seconds']:5.1f} s  itself {row['itself']:.2f}  matched {row['matched']:.2f} "
              f"({row['voice']})  same voice unmoved {row['unmoved']:.2f}  others {row['others']:.2f}")
    for name, value in report["means"].items():
        print(f"mean {name:12} {value:.3f}")
    return 0


def compared(heard: Sequence[Heard], language: str, ear: Ear) -> dict[str, Any]:
    """Each speaker beside the voice that would dub them alone, that voice unmoved, and every other voice."""
    from dubbing import registry

    engine = registry.choose("tts", "embedded")
    voices = engine.voices(language)
    texts = (Path(registry.__file__).parent / f"engines/tts/sentences/{language}.txt").read_text().splitlines()
    said = {v.id: [engine.synthesize(text, language, v.id) for text in texts[:_SENTENCES]] for v in voices}

    def printed(spec: VoiceSpec) -> Print:
        return voice_print([audio.resample(apply_voice(s.sound, s.sample_rate, spec), s.sample_rate, 16_000)
                            for s in said[spec.voice]], ear)

    plain = {v.id: printed(VoiceSpec(v.id)) for v in voices}
    rows = []
    for one in heard:
        spec = assign_voices({one.name: one.profile}, voices)[one.name]
        likeness = {name: similarity(one.whole, of) for name, of in plain.items()}
        others = [value for name, value in likeness.items() if name != spec.voice]
        nearest = max(likeness, key=lambda name: likeness[name])
        rows.append({"speaker": one.name, "seconds": round(one.seconds, 1), "pitch_hz": round(one.profile.pitch_hz),
                     "itself": round(one.itself, 3), "voice": str(spec),
                     "matched": round(similarity(one.whole, printed(spec)), 3),
                     "unmoved": round(likeness[spec.voice], 3), "others": round(float(np.mean(others)), 3),
                     "nearest": nearest, "nearest_unmoved": round(likeness[nearest], 3)})
    names = ("itself", "matched", "unmoved", "others", "nearest_unmoved")
    return {"language": language, "speakers": rows,
            "means": {name: round(float(np.mean([row[name] for row in rows])), 4) for name in names}}


def _heard(name: str, speech: Sound, rest: Sound, spans: Sequence[SpeakerSpan], speaker: str, ear: Ear) -> Heard | None:
    rate = reference.RATE
    found = [passage for start, end in reference.alone(spans, speaker) for passage in reference.passages(
        speech[start * rate // 1000: end * rate // 1000], rest[start * rate // 1000: end * rate // 1000], start)]
    chosen = reference.choose(reference.judge(found))
    parts = [speech[j.passage.start_ms * rate // 1000: j.passage.end_ms * rate // 1000] for j in chosen]
    whole = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if len(whole) < 2 * rate:
        return None
    profile = measure_speaker(speech, [(j.passage.start_ms, j.passage.end_ms) for j in chosen])
    halves = [voice_print([half], ear) for half in (whole[: len(whole) // 2], whole[len(whole) // 2:])]
    return Heard(name, profile, voice_print(parts, ear), similarity(*halves), len(whole) / rate)


def _separated(path: Path) -> tuple[Sound, Sound]:
    """Speech and the rest of a file's first half minute, 16 kHz mono."""
    from dubbing import registry

    engine = registry.choose("separate", "deepfilter")
    rate = soundfile.info(path).samplerate if path.suffix == ".wav" else probe(path).audio[0].sample_rate
    with tempfile.TemporaryDirectory() as folder:
        for name, index in (("speech.wav", 0), ("rest.wav", 1)):
            stems = engine.separate(_first(path, rate), rate)
            audio.write_wav(Path(folder) / name, (pair[index] for pair in stems), rate)
        return audio.read_mono_16k(Path(folder) / "speech.wav"), audio.read_mono_16k(Path(folder) / "rest.wav")


def _first(path: Path, rate: int) -> Iterator[Sound]:
    left = _LONGEST_S * rate
    for block in audio.blocks(path):
        yield block[:, :left]
        left -= block.shape[1]
        if left <= 0:
            return


def _samples(ear: Ear) -> Iterator[Heard]:
    for truth in sorted(_SAMPLES.glob("*.json")):
        told = json.loads(truth.read_text())
        spans = [SpeakerSpan(turn["speaker"], round(turn["start_ms"]), round(turn["end_ms"])) for turn in told["turns"]]
        speech, rest = _separated(truth.with_suffix(".mp4"))
        for speaker in dict.fromkeys(span.speaker for span in spans):
            one = _heard(f"{truth.stem}: {speaker}", speech, rest, spans, speaker, ear)
            yield from [one] if one else []


def _clips(folder: Path, ear: Ear) -> Iterator[Heard]:
    for path in sorted([*folder.glob("*.wav"), *folder.glob("*.mp4")]):
        if "nospeech" in path.name or "noaudio" in path.name:
            continue
        speech, rest = _separated(path)
        spans = [SpeakerSpan("one", 0, len(speech) * 1000 // reference.RATE)]
        one = _heard(path.stem, speech, rest, spans, "one", ear)
        yield from [one] if one else []


def _ear() -> Ear:
    from dubbing.engines.diarize.voiceprint import VoicePrint
    from dubbing.weights.store import Store

    return VoicePrint(Store().fetch("resemblyzer")).sliding


if __name__ == "__main__":
    sys.exit(main())
