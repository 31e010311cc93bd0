"""People for a corpus: `invent` draws identities wider than `Identity.random`, which the sample clips keep.

Faces come from mixed macro shapes (origin, age, weight) and small shape targets; skin, lips, teeth, hair, beard and
glasses are drawn beside them. Targets that part the lips of a face at rest are left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from samples.corpus_glasses import SHAPES
from samples.head import Identity

_SINGLE = (
    "head/head-oval", "head/head-round", "head/head-square", "head/head-triangular", "head/head-diamond",
    "head/head-rectangular", "head/head-invertedtriangular", "head/head-fat-incr", "head/head-fat-decr",
    "head/head-scale-vert-incr", "head/head-scale-vert-decr", "head/head-scale-horiz-incr",
    "head/head-scale-horiz-decr", "head/head-age-incr", "chin/chin-width-incr", "chin/chin-width-decr",
    "chin/chin-prominent-incr", "chin/chin-prominent-decr", "chin/chin-height-incr", "chin/chin-height-decr",
    "chin/chin-bones-incr", "chin/chin-bones-decr", "chin/chin-cleft-incr", "chin/chin-jaw-drop-incr",
    "chin/chin-triangle", "nose/nose-scale-vert-incr", "nose/nose-scale-vert-decr", "nose/nose-scale-horiz-incr",
    "nose/nose-scale-horiz-decr", "nose/nose-scale-depth-incr", "nose/nose-scale-depth-decr", "nose/nose-hump-incr",
    "nose/nose-volume-incr", "nose/nose-volume-decr", "nose/nose-width1-incr", "nose/nose-width2-incr",
    "nose/nose-width2-decr", "nose/nose-width3-incr", "nose/nose-width3-decr", "nose/nose-point-up",
    "nose/nose-point-down", "nose/nose-point-width-incr", "nose/nose-greek-incr", "nose/nose-flaring-incr",
    "nose/nose-curve-concave", "nose/nose-curve-convex", "forehead/forehead-scale-vert-incr",
    "forehead/forehead-scale-vert-decr", "forehead/forehead-temple-incr", "forehead/forehead-nubian-incr",
    "eyebrows/eyebrows-trans-up", "eyebrows/eyebrows-trans-down", "eyebrows/eyebrows-angle-up",
    "eyebrows/eyebrows-angle-down", "neck/neck-double-incr", "neck/neck-scale-horiz-incr",
    "neck/neck-scale-horiz-decr")
_MOUTH = (
    "mouth/mouth-scale-horiz-incr", "mouth/mouth-scale-horiz-decr", "mouth/mouth-upperlip-volume-incr",
    "mouth/mouth-upperlip-volume-decr", "mouth/mouth-lowerlip-volume-incr", "mouth/mouth-lowerlip-volume-decr",
    "mouth/mouth-cupidsbow-incr", "mouth/mouth-cupidsbow-decr", "mouth/mouth-cupidsbow-width-incr",
    "mouth/mouth-philtrum-volume-incr", "mouth/mouth-philtrum-volume-decr", "mouth/mouth-angles-up",
    "mouth/mouth-angles-down", "mouth/mouth-laugh-lines-in", "mouth/mouth-dimples-in",
    "mouth/mouth-upperlip-width-incr", "mouth/mouth-lowerlip-width-incr")
_PAIRED = (
    "cheek/{}-cheek-bones-incr", "cheek/{}-cheek-bones-decr", "cheek/{}-cheek-volume-incr",
    "cheek/{}-cheek-volume-decr", "cheek/{}-cheek-inner-decr", "eyes/{}-eye-scale-incr", "eyes/{}-eye-scale-decr",
    "eyes/{}-eye-corner1-up", "eyes/{}-eye-corner1-down", "eyes/{}-eye-height2-incr", "eyes/{}-eye-height2-decr",
    "eyes/{}-eye-trans-out", "eyes/{}-eye-trans-in", "eyes/{}-eye-bag-incr", "eyes/{}-eye-epicanthus-in",
    "eyes/{}-eye-eyefold-down", "ears/{}-ear-scale-incr", "ears/{}-ear-wing-incr", "ears/{}-ear-lobe-incr")
_TONES = np.array([[0.60, 0.40, 0.32], [0.52, 0.325, 0.24], [0.44, 0.26, 0.18], [0.34, 0.185, 0.115],
                   [0.22, 0.11, 0.065], [0.115, 0.055, 0.034]])
"""Skin from light to dark, linear RGB reflectances."""
_HAIR = {"black": (0.012, 0.010, 0.009), "dark": (0.028, 0.017, 0.011), "brown": (0.065, 0.036, 0.019),
         "auburn": (0.115, 0.040, 0.016), "blond": (0.30, 0.19, 0.085), "red": (0.22, 0.066, 0.020),
         "grey": (0.23, 0.22, 0.21), "white": (0.52, 0.50, 0.47)}
_STYLES = {0: ("short", "short", "crop", "back", "messy", "shaved", "curls", "ball", "tied", "chin"),
           1: ("bob", "long", "tied", "wavy", "chin", "short", "curls", "ball", "crop", "messy")}
_LIPSTICK = ((0.33, 0.035, 0.045), (0.40, 0.10, 0.12), (0.22, 0.035, 0.065), (0.45, 0.16, 0.15))
_IRIS = ((0.12, 0.06, 0.03), (0.07, 0.035, 0.02), (0.10, 0.11, 0.06), (0.10, 0.17, 0.24), (0.13, 0.16, 0.17))


def invent(seed: int) -> Identity:
    """The person of a seed; the same seed always gives the same one."""
    rng = np.random.default_rng((seed, 101))
    female = float(rng.random() < 0.5)
    origins = _origins(rng)
    tone = float(np.clip(1.0 + 2.6 * origins.get("african", 0) + 0.6 * origins.get("asian", 0) + rng.normal(0, 1.0), 0,
                         5))
    skin = np.array([np.interp(tone, np.arange(len(_TONES)), _TONES[:, k]) for k in range(3)])
    skin *= rng.uniform(0.92, 1.06) * np.array([1.0, rng.uniform(0.96, 1.05), rng.uniform(0.92, 1.08)])
    age = float(rng.uniform(0.35, 1.0)) if rng.random() < 0.3 else float(rng.uniform(0, 0.3))
    hair = _hair(rng, tone, age)
    lips, strength = skin * np.array([0.85, 0.55, 0.62]) * rng.uniform(0.8, 1.1), float(rng.uniform(0.4, 0.75))
    if female and rng.random() < 0.35:
        lips, strength = np.array(_LIPSTICK[rng.integers(len(_LIPSTICK))]) * rng.uniform(0.7, 1.1), 0.85
    bald = float(rng.uniform(0.6, 1.0)) if not female and rng.random() < 0.12 + 0.25 * age else 0.0
    beard, stubble = "", 0.0
    if not female:
        stubble = float(rng.random() ** 1.5)
        if rng.random() < 0.4:
            beard = str(rng.choice(["full", "short", "short", "goatee", "moustache", "long"]))
            stubble = float(rng.uniform(0.5, 1.0))
    glasses = str(rng.choice(list(SHAPES))) if rng.random() < 0.28 else ""
    style = _STYLES[int(female)]
    return Identity(
        seed, female, _targets(rng), _color(skin), float(rng.uniform(0.4, 1.3)),
        float(rng.random() ** 3) * float(tone < 2.5), _color(lips), strength, _IRIS[_iris(rng, tone)], hair,
        str(style[rng.integers(len(style))]) if not bald else "crop", float(rng.uniform(0.55, 1.4)), stubble,
        bool(rng.random() < 0.35), _color(rng.uniform(0.01, 0.12, 3)), _color(_cloth(rng)), _teeth(rng, age),
        origins, age, float(np.clip(rng.normal(0.05, 0.4), -0.9, 0.9)), bald, beard,
        _color(np.array(hair) * rng.uniform(0.6, 1.3)), glasses,
        _color(rng.uniform(0.01, 0.05) * np.ones(3) if rng.random() < 0.6 else rng.uniform(0.02, 0.35, 3)))


def _color(value: npt.ArrayLike) -> tuple[float, float, float]:
    r, g, b = np.asarray(value, float)
    return round(float(r), 4), round(float(g), 4), round(float(b), 4)


def _origins(rng: np.random.Generator) -> dict[str, float]:
    names = ("african", "asian", "caucasian")
    share = rng.dirichlet(np.full(3, 0.15 if rng.random() < 0.6 else 1.0))
    return {name: round(float(part), 3) for name, part in zip(names, share, strict=True)}


def _hair(rng: np.random.Generator, tone: float, age: float) -> tuple[float, float, float]:
    names = ["black", "dark", "brown", "auburn", "blond", "red"]
    light = max(0.0, 1 - tone / 2.2)
    chance = np.array([0.25 + 0.35 * (1 - light), 0.3, 0.25 * (0.3 + light), 0.1 * light, 0.25 * light, 0.08 * light])
    color = np.array(_HAIR[names[rng.choice(len(names), p=chance / chance.sum())]])
    grey = np.clip(rng.normal(age * 1.1 - 0.25, 0.25), 0, 1)
    target = np.array(_HAIR["white" if rng.random() < 0.3 else "grey"])
    return _color((color * (1 - grey) + target * grey) * rng.uniform(0.8, 1.2))


def _iris(rng: np.random.Generator, tone: float) -> int:
    return int(rng.choice(5, p=[0.3, 0.25, 0.15, 0.18, 0.12])) if tone < 1.8 else int(rng.integers(2))


def _cloth(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return rng.uniform(0.02, 0.35, 3) if rng.random() < 0.6 else np.full(3, rng.uniform(0.02, 0.6))


def _teeth(rng: np.random.Generator, age: float) -> tuple[float, float, float]:
    """From bleached to stained."""
    yellow = float(np.clip(rng.beta(2, 3) + 0.25 * age, 0, 1))
    return _color(np.array([0.86, 0.81, 0.73]) * (1 - yellow) + np.array([0.72, 0.61, 0.43]) * yellow)


def _targets(rng: np.random.Generator) -> dict[str, float]:
    out = {str(name): float(rng.uniform(0, 0.7)) for name in rng.choice(_SINGLE, 12, replace=False)}
    out |= {str(name): float(rng.uniform(0, 0.75)) for name in rng.choice(_MOUTH, 5, replace=False)}
    for name in rng.choice(_PAIRED, 6, replace=False):
        value = float(rng.uniform(0, 0.7))
        out |= {str(name).format(side): value * float(rng.uniform(0.8, 1.2)) for side in "lr"}
    return {name: round(value, 3) for name, value in out.items()}
