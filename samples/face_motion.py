"""Phoneme times → what the face does, frame by frame.

The mouth follows a regularised least-squares trajectory through the phonemes' targets (so that neighbours colour each
other), and lip closures are then imposed exactly: on every frame inside a p, b or m the lips touch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import spsolve

from samples.voices import Phone

Curve = npt.NDArray[np.float64]
GRID_HZ = 200
EXPOSURE_MS = 10.0
"""A frame shows the face this long after its time stamp: the middle of a 1/50 s exposure, as a camera's does."""
CLOSED = set("pbm")
LABIODENTAL = set("fvɱ")
VOWELS = set("aæɑɐʌəɚɜeɛAiɪIᵻoɔOuʊWYᵊɒ")
CLOSURE_RAMP_MS = 45.0

# symbol: (opening, rounding, spreading, weight)
TARGETS: dict[str, tuple[float, float, float, float]] = {
    "a": (1.0, 0.0, 0.15, 1.2), "æ": (0.95, 0.0, 0.35, 1.2), "ɑ": (1.0, 0.1, 0.0, 1.2), "ɐ": (0.8, 0.0, 0.1, 1.0),
    "ʌ": (0.7, 0.0, 0.0, 1.0), "ə": (0.42, 0.05, 0.0, 0.7), "ɚ": (0.38, 0.35, 0.0, 0.8), "ɜ": (0.45, 0.35, 0.0, 1.0),
    "e": (0.62, 0.0, 0.55, 1.1), "ɛ": (0.70, 0.0, 0.40, 1.1), "A": (0.65, 0.0, 0.5, 1.1), "i": (0.36, 0.0, 0.80, 1.1),
    "ɪ": (0.40, 0.0, 0.45, 1.0), "I": (0.85, 0.0, 0.3, 1.1), "ᵻ": (0.36, 0.0, 0.3, 0.8), "o": (0.62, 0.75, 0.0, 1.2),
    "ɔ": (0.75, 0.60, 0.0, 1.2), "O": (0.62, 0.7, 0.0, 1.1), "u": (0.32, 1.0, 0.0, 1.2), "ʊ": (0.36, 0.7, 0.0, 1.0),
    "W": (0.8, 0.35, 0.0, 1.1), "Y": (0.65, 0.6, 0.0, 1.1), "ᵊ": (0.3, 0.0, 0.0, 0.6), "ɒ": (0.85, 0.4, 0.0, 1.1),
    "w": (0.18, 1.0, 0.0, 1.3), "j": (0.28, 0.0, 0.6, 0.9), "ʝ": (0.25, 0.0, 0.5, 0.9), "ɥ": (0.2, 0.9, 0.0, 1.0),
    "s": (0.14, 0.0, 0.25, 1.4), "z": (0.14, 0.0, 0.25, 1.4), "ʃ": (0.20, 0.65, 0.0, 1.4), "ʒ": (0.20, 0.65, 0.0, 1.4),
    "ʧ": (0.18, 0.60, 0.0, 1.4), "ʤ": (0.18, 0.60, 0.0, 1.4), "t": (0.18, 0.0, 0.20, 1.0), "d": (0.20, 0.0, 0.20, 1.0),
    "n": (0.24, 0.0, 0.15, 0.9), "l": (0.34, 0.0, 0.10, 0.9), "ɾ": (0.30, 0.0, 0.10, 0.7), "r": (0.28, 0.1, 0.10, 0.9),
    "ɹ": (0.26, 0.45, 0.0, 0.9), "ɲ": (0.26, 0.0, 0.35, 0.9), "ʎ": (0.26, 0.0, 0.35, 0.9), "k": (0.32, 0.0, 0.10, 0.7),
    "ɡ": (0.34, 0.0, 0.10, 0.7), "ɣ": (0.34, 0.0, 0.10, 0.6), "x": (0.38, 0.0, 0.10, 0.7), "h": (0.45, 0.0, 0.0, 0.4),
    "ŋ": (0.30, 0.0, 0.10, 0.7), "θ": (0.22, 0.0, 0.20, 1.2), "ð": (0.24, 0.0, 0.20, 1.0), "β": (0.10, 0.1, 0.0, 2.0),
    "ʔ": (0.3, 0.0, 0.0, 0.3), "p": (0.0, 0.05, 0.0, 2.5), "b": (0.0, 0.05, 0.0, 2.5), "m": (0.0, 0.05, 0.0, 2.5),
    "f": (0.07, 0.0, 0.10, 2.5), "v": (0.07, 0.0, 0.10, 2.5), "ɱ": (0.07, 0.0, 0.10, 2.5), "ʋ": (0.10, 0.0, 0.1, 1.5),
}
OTHER = (0.30, 0.0, 0.05, 0.6)
REST = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Articulation:
    """Per frame, each float64 [N] in about [0, 1]: jaw opening, rounding, spreading, closure, lip to teeth, tongue."""

    opening: Curve
    rounding: Curve
    spreading: Curve
    closure: Curve
    labiodental: Curve
    tongue: Curve


def frame_times_ms(count: int, fps: float) -> Curve:
    """The moment that each frame shows."""
    return np.arange(count) * 1000.0 / fps + EXPOSURE_MS


def articulate(phones: list[Phone], count: int, fps: float, strength: float = 1.0) -> Articulation:
    """The mouth's path for phonemes in the clip's clock (gaps are silence)."""
    size = int(np.ceil(count / fps * GRID_HZ)) + GRID_HZ
    time = (np.arange(size) + 0.5) * 1000.0 / GRID_HZ
    weight = np.full((3, size), 0.02)
    pull = np.zeros((3, size))
    silent = np.ones(size, bool)
    for phone in phones:
        if phone.symbol == " ":
            continue
        opening, rounding, spreading, share = TARGETS.get(phone.symbol, OTHER)
        length = phone.end_ms - phone.start_ms
        middle = (phone.start_ms + phone.end_ms) / 2
        bell = share * np.exp(-0.5 * ((time - middle) / max(16.0, length * 0.36)) ** 2)
        bell[bell < 0.02] = 0
        # a consonant that needs neither round nor spread lips leaves them to its neighbours
        shaped = phone.symbol in VOWELS or rounding > 0.3 or spreading > 0.3
        hold = np.array([[1.0], [1.0 if shaped else 0.12], [1.0 if shaped else 0.12]])
        weight += hold * bell
        pull += hold * bell * np.array([[opening], [rounding], [spreading]])
        silent[(time >= phone.start_ms) & (time < phone.end_ms)] = False
    silent = _long_runs(silent, int(0.09 * GRID_HZ))
    weight[:, silent] += 0.8
    step = GRID_HZ * 0.001
    second = sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(size - 2, size)) * (step * 22.0) ** 2
    rough = 0.35 * second.T @ second
    path = np.stack([spsolve((sparse.diags(w) + rough).tocsc(), row) for w, row in zip(weight, pull, strict=True)])
    closure = _windows(time, phones, CLOSED)
    lip_teeth = _windows(time, phones, LABIODENTAL)
    tongue = _windows(time, phones, set("lndtθðɾr"))
    at = frame_times_ms(count, fps)

    def sample(curve: Curve) -> Curve:
        return np.interp(at, time, curve)

    opening = np.clip(path[0] * strength, 0, 1.15)
    return Articulation(sample(opening), np.clip(sample(path[1]), 0, 1), np.clip(sample(path[2]), 0, 1),
                        sample(closure), sample(lip_teeth), sample(tongue))


def _long_runs(flags: npt.NDArray[np.bool_], least: int) -> npt.NDArray[np.bool_]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    out = flags.copy()
    for start, end in edges.reshape(-1, 2):
        if end - start < least:
            out[start:end] = False
    return out


def _windows(time: Curve, phones: list[Phone], symbols: set[str]) -> Curve:
    """1 inside the phonemes, ramps outside; neighbours of the same kind merge."""
    out = np.zeros_like(time)
    for phone in phones:
        if phone.symbol in symbols:
            before = (phone.start_ms - time) / CLOSURE_RAMP_MS
            after = (time - phone.end_ms) / CLOSURE_RAMP_MS
            x = np.clip(1 - np.maximum(before, after), 0, 1)
            out = np.maximum(out, x * x * (3 - 2 * x))
    return out


def expressions(mouth: Articulation, idle: list[dict[str, float]]) -> list[dict[str, float]]:
    """Weights of the face units per frame: articulation on top of what the rest of the face does."""
    out = []
    for i, base in enumerate(idle):
        shut = mouth.closure[i]
        teeth = mouth.labiodental[i]
        opening = mouth.opening[i] * (1 - 0.75 * teeth)
        around, spread = mouth.rounding[i], mouth.spreading[i]
        jaw = 0.56 * opening * (1 - 0.55 * shut) * (1 - 0.30 * around)
        free = (1 - shut) * (1 - teeth)
        talk = min(1.0, opening * 2)
        weights = {
            "jawOpen": jaw,
            "mouthClose": jaw * shut,
            "mouthFunnel": 0.75 * around * (0.35 + 0.65 * opening) * (1 - 0.6 * shut),
            "mouthPucker": 0.62 * around * (1 - 0.5 * opening),
            "mouthRollLower": 0.75 * teeth + 0.14 * shut,
            "mouthRollUpper": 0.14 * shut,
            "mouthShrugUpper": 0.0,
            "tongueOut": 0.10 * mouth.tongue[i] * talk,
        }
        for side in ("Left", "Right"):
            weights[f"mouthPress{side}"] = 0.25 * shut
            weights[f"mouthUpperUp{side}"] = free * (0.16 * opening + 0.14 * spread * talk) + 0.35 * teeth
            weights[f"mouthLowerDown{side}"] = free * (0.20 * opening * (1 - around) + 0.16 * spread * talk)
            weights[f"mouthStretch{side}"] = 0.24 * spread * talk
            weights[f"mouthSmile{side}"] = 0.10 * spread
        for name, value in base.items():
            weights[name] = weights.get(name, 0.0) + value
        out.append({name: float(np.clip(value, 0, 1)) for name, value in weights.items() if value > 1e-3})
    return out


def smooth_noise(rng: np.random.Generator, count: int, fps: float, period_s: float) -> Curve:
    """A wandering curve with unit variance and about the given period."""
    knots = rng.standard_normal(int(count / fps / period_s) + 6)
    at = np.arange(count) / fps / period_s + 1.5
    i = at.astype(int)
    f = at - i
    f = f * f * (3 - 2 * f)
    return knots[i] * (1 - f) + knots[i + 1] * f


def emphasis(phones: list[Phone], count: int, fps: float) -> Curve:
    """How much a speaker stresses each frame, in [0, 1]: long open vowels lift it, slowly."""
    at = frame_times_ms(count, fps)
    out = np.zeros(count)
    for phone in phones:
        if phone.symbol in VOWELS and phone.end_ms - phone.start_ms > 85:
            out += np.exp(-0.5 * ((at - (phone.start_ms + phone.end_ms) / 2) / 110.0) ** 2)
    return np.clip(out, 0, 1.3)


def idle_face(rng: np.random.Generator, count: int, fps: float, stress: Curve, smile: float) -> list[dict[str, float]]:
    """Blinks, brows and a changing hint of a smile: everything but speech."""
    blink = np.zeros(count)
    at = rng.uniform(0.6, 1.8)
    while at * fps < count:
        start = at * fps
        x = np.arange(count) - start
        shape = np.interp(x, [-1.5, 0, 1.0, 2.0, 5.5], [0, 0.75, 1.0, 0.9, 0])
        blink = np.maximum(blink, shape)
        at += rng.uniform(1.8, 4.6)
    brow = np.clip(0.10 + 0.10 * smooth_noise(rng, count, fps, 1.7) + 0.34 * stress
                   * (smooth_noise(rng, count, fps, 1.1) > 0.1), 0, 0.75)
    kernel = np.hanning(9) / np.hanning(9).sum()
    brow = np.convolve(np.pad(brow, 4, mode="edge"), kernel, "valid")
    happy = np.clip(smile + 0.05 * smooth_noise(rng, count, fps, 2.3), 0, 1)
    squint = np.clip(0.10 + 0.5 * happy + 0.05 * smooth_noise(rng, count, fps, 1.3), 0, 0.5)
    frames = []
    for i in range(count):
        frames.append({
            "eyeBlinkLeft": blink[i], "eyeBlinkRight": blink[i],
            "browInnerUp": 0.8 * brow[i], "browOuterUpLeft": brow[i] * 0.9, "browOuterUpRight": brow[i],
            "mouthSmileLeft": happy[i], "mouthSmileRight": happy[i] * 0.92,
            "cheekSquintLeft": happy[i] * 0.6, "cheekSquintRight": happy[i] * 0.6,
            "eyeSquintLeft": squint[i] * (1 - blink[i]), "eyeSquintRight": squint[i] * (1 - blink[i]),
        })
    return frames


def head_motion(rng: np.random.Generator, count: int, fps: float, stress: Curve, amount: float = 1.0,
                ) -> tuple[Curve, Curve]:
    """Yaw, pitch, roll [N, 3] in degrees and shift [N, 3] in dm."""
    kernel = np.hanning(11) / np.hanning(11).sum()
    nod = np.convolve(np.pad(stress, 5, mode="edge"), kernel, "valid")
    yaw = 3.4 * smooth_noise(rng, count, fps, 1.9) + 1.3 * smooth_noise(rng, count, fps, 0.8)
    pitch = 1.6 * smooth_noise(rng, count, fps, 1.5) + 2.4 * nod * (0.6 + 0.4 * smooth_noise(rng, count, fps, 2))
    roll = 1.7 * smooth_noise(rng, count, fps, 2.2)
    shift = np.stack([0.05 * smooth_noise(rng, count, fps, 2.7), 0.02 * smooth_noise(rng, count, fps, 2.1),
                      0.06 * smooth_noise(rng, count, fps, 3.1)], axis=1)
    return np.stack([yaw, pitch, roll], axis=1) * amount, shift * amount


def eye_motion(rng: np.random.Generator, count: int, fps: float) -> Curve:
    """Small saccades around the camera: yaw and pitch of the gaze [N, 2], degrees."""
    out = np.zeros((count, 2))
    i = 0
    while i < count:
        hold = int(rng.uniform(0.4, 1.6) * fps)
        out[i : i + hold] = rng.normal(0, [1.6, 0.9])
        i += hold
    return out
