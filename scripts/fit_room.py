"""Fit ``dubbing/pipeline/decay_weights.py``: synthesized speech in simulated rooms, whose truth is known.

    python -m scripts.fit_room --out dubbing/pipeline/decay_weights.py

Prints the errors on voices that were left out of the fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from dubbing.media.audio import resample
from dubbing.pipeline.decay import CLARITY_LIMITS_DB, T60_LIMITS_S, decay_statistics
from samples.formant_voices import FormantVoices
from samples.rooms import RATE, KnownRoom, decaying_noise, random_shoebox

TEXTS = {
    "en": ("Welcome back, my name is Grace.", "Only a sandwich. And a bottle of water!",
           "I hope you bring a warm coat, because people come here every summer.",
           "Stop. What did you put in the box?"),
    "es": ("Buenos días, Marcos. ¿Qué tal el viaje?", "Perfecto. Yo puedo comprar pan y tomates.",
           "Después preparo un buen café para mi familia.", "No. Te dije que no."),
    "it": ("Buongiorno, come stai oggi?", "Ho comprato il pane e il latte.",
           "Domani andiamo al mare con tutta la famiglia.", "Fermo. Che cosa fai?"),
    "de": ("Guten Tag, wie geht es Ihnen heute?", "Ich habe das Brot und die Milch gekauft.",
           "Morgen fahren wir mit der ganzen Familie ans Meer.", "Halt. Was machst du da?"),
    "pt": ("Bom dia, como vai você?", "Comprei o pão e o leite.",
           "Amanhã vamos à praia com toda a família.", "Pare. O que você está fazendo?"),
}
NEURAL = (("en", "jf_alpha"), ("en", "jm_kumo"), ("es", "jf_nezumi"), ("es", "jm_kumo"), ("it", "jm_kumo"),
          ("de", "jm_kumo"), ("pt", "jf_gongitsune"), ("es", "jf_tebukuro"), ("en", "jf_gongitsune"))
FORMANT = (("en", "en+f2"), ("de", "de"), ("pt", "pt"), ("en", "en-us+m3"), ("it", "it+f4"), ("es", "es+f1"))
GAP_S = (0.02, 0.4)
NOISE_DB = (25.0, 70.0)
ROOMS_A_VOICE, DRY_A_VOICE, SHOEBOXES = 40, 6, 60
RIDGE = 10.0


def voices() -> Iterator[np.ndarray]:
    """Dry speech at 16 kHz, some ten seconds a voice."""
    from dubbing.engines.tts.kokoro import KokoroSynthesizer

    neural = KokoroSynthesizer(threads=1)
    neural.load()
    for language, voice in NEURAL:
        yield joined([neural.synthesize(text, language, voice).sound for text in TEXTS[language]], 24_000)
    formant = FormantVoices()
    for language, voice in FORMANT:
        yield joined([formant.speak(text, voice, 150, 50, 50)[0] for text in TEXTS[language]], formant.rate)


def joined(parts: list[np.ndarray], rate: int) -> np.ndarray:
    rng = np.random.default_rng(len(parts[0]))
    pieces = [piece for part in parts for piece in (part, np.zeros(int(rng.uniform(*GAP_S) * rate), np.float32))]
    sound = resample(np.concatenate(pieces), rate, RATE)
    return sound.astype(np.float64) / float(np.abs(sound).max())


def rooms(rng: np.random.Generator, boxes: list[KnownRoom]) -> Iterator[KnownRoom | None]:
    """The rooms for one voice; None is none at all."""
    for i in range(ROOMS_A_VOICE):
        if i % 2:
            yield boxes[rng.integers(len(boxes))]
        else:
            yield decaying_noise(float(np.exp(rng.uniform(np.log(0.15), np.log(1.8)))), float(rng.uniform(-4, 16)),
                                 int(rng.integers(1 << 30)), float(rng.uniform(0.5, 1.0)))
    yield from [None] * DRY_A_VOICE


def measured() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(statistics, [log T60, clarity], voice) of every case."""
    rng = np.random.default_rng(5)
    boxes = [random_shoebox(seed) for seed in range(SHOEBOXES)]
    rows, truths, owners = [], [], []
    for owner, dry in enumerate(voices()):
        for room in rooms(rng, boxes):
            sound = dry if room is None else fftconvolve(dry, room.answer)[: len(dry) + 3000]
            noise = 10 ** (-rng.uniform(*NOISE_DB) / 20) * np.sqrt(np.mean(np.square(sound)))
            sound = sound + noise * rng.standard_normal(len(sound))
            rows.append(decay_statistics(sound.astype(np.float32)))
            t60, clarity = (T60_LIMITS_S[0], CLARITY_LIMITS_DB[1]) if room is None else (room.t60_s, room.clarity_db)
            truths.append((np.log(np.clip(t60, *T60_LIMITS_S)), np.clip(clarity, *CLARITY_LIMITS_DB)))
            owners.append(owner)
    return np.array(rows), np.array(truths), np.array(owners)


def fit(rows: np.ndarray, truths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean, spread, [2, statistics + 1] weights) by ridge regression."""
    mean, spread = rows.mean(0), rows.std(0) + 1e-9
    known = np.column_stack([(rows - mean) / spread, np.ones(len(rows))])
    penalty = RIDGE * np.eye(known.shape[1])
    penalty[-1, -1] = 0
    return mean, spread, np.linalg.solve(known.T @ known + penalty, known.T @ truths).T


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    rows, truths, owners = measured()
    guesses = np.zeros_like(truths)
    for owner in set(owners):
        out = owners == owner
        mean, spread, weights = fit(rows[~out], truths[~out])
        guesses[out] = np.column_stack([(rows[out] - mean) / spread, np.ones(out.sum())]) @ weights.T
    error = np.abs(guesses - truths)
    print(f"{len(rows)} cases; voices left out: T60 off by {np.expm1(np.median(error[:, 0])):.0%} (median), "
          f"clarity by {np.median(error[:, 1]):.1f} dB (median), {np.percentile(error[:, 1], 90):.1f} dB (90 %)")
    mean, spread, weights = fit(rows, truths)
    lines = ['"""The fit of :mod:`dubbing.pipeline.decay`; made by ``scripts/fit_room.py``."""', ""]
    for name, values in (("MEAN", mean), ("SPREAD", spread)):
        lines += [f"{name} = (", *wrapped(values), ")"]
    lines += ["WEIGHTS = (", *(text for row in weights for text in ("    (", *wrapped(row, 8), "    ),")), ")", ""]
    parser.parse_args().out.write_text("\n".join(lines))


def wrapped(values: np.ndarray, indent: int = 4) -> list[str]:
    texts = [f"{value:.5g}" for value in values]
    return [" " * indent + ", ".join(texts[i: i + 10]) + "," for i in range(0, len(texts), 10)]


if __name__ == "__main__":
    main()
