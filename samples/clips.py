"""The three clips as data: who says what, where they stand, what the camera does."""

from __future__ import annotations

from dataclasses import dataclass

from samples.head import Identity
from samples.person import Lamp, Lighting
from samples.render import Camera

FPS = 25
HEIGHT, WIDTH = 720, 1280


@dataclass(frozen=True)
class Line:
    """What one speaker says; `gap_ms` of silence (beyond the voice's own) before it; reference translation."""

    speaker: str
    text: str
    translation: str = ""
    gap_ms: float = 0.0


@dataclass(frozen=True)
class Actor:
    """A speaker in the picture. left: where their window's left edge lies; the camera's picture is that window."""

    identity: Identity
    voice: str
    camera: Camera
    left: int = 0
    speed: float = 1.15
    smile: float = 0.08
    facing: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Profile:
    """A turn of the head: from `start` to `end` (shares of the clip) the yaw goes to `yaw` degrees and back."""

    start: float
    end: float
    yaw: float


@dataclass(frozen=True)
class Clip:
    """One clip. cutaway and hand: shares of the clip's length between which they are seen."""

    name: str
    language: str
    seed: int
    actors: dict[str, Actor]
    lines: tuple[Line, ...]
    lighting: Lighting
    music: bool = False
    cutaway: tuple[float, float] | None = None
    hand: tuple[float, float] | None = None
    profile: Profile | None = None
    tail_ms: float = 300.0
    quality: int = 20


WARM = Lighting((Lamp(-40, 30, 15, (3.7, 3.3, 2.9)), Lamp(48, 8, 28, (0.55, 0.62, 0.75)),
                 Lamp(152, 32, 12, (1.7, 1.65, 1.6))))
COOL = Lighting((Lamp(42, 28, 16, (3.3, 3.15, 3.0)), Lamp(-50, 12, 28, (0.75, 0.66, 0.58)),
                 Lamp(-150, 30, 12, (1.5, 1.55, 1.7))))

PABLO = Identity(
    5, 0.0,
    {"head/head-oval": 0.4, "eyes/l-eye-scale-incr": 0.45, "eyes/r-eye-scale-incr": 0.45,
     "mouth/mouth-scale-horiz-incr": 0.25, "mouth/mouth-upperlip-volume-incr": 0.3,
     "chin/chin-prominent-incr": 0.25, "eyes/l-eye-height2-incr": 0.3, "eyes/r-eye-height2-incr": 0.3},
    skin=(0.455, 0.268, 0.188), ruddiness=1.15, lips=(0.37, 0.155, 0.13), lip_strength=0.8, iris=(0.13, 0.07, 0.035),
    hair=(0.026, 0.016, 0.011), brow_density=1.25, stubble=0.5, cloth=(0.045, 0.075, 0.13))
LUCIA = Identity(
    8, 1.0,
    {"head/head-oval": 0.5, "eyes/l-eye-scale-incr": 0.35, "eyes/r-eye-scale-incr": 0.35,
     "mouth/mouth-lowerlip-volume-incr": 0.35, "mouth/mouth-upperlip-volume-incr": 0.35,
     "cheek/l-cheek-bones-incr": 0.3, "cheek/r-cheek-bones-incr": 0.3},
    skin=(0.50, 0.315, 0.235), ruddiness=0.9, lips=(0.40, 0.13, 0.13), lip_strength=0.78, iris=(0.11, 0.095, 0.05),
    hair=(0.075, 0.036, 0.017), hair_style="bob", brow_density=0.9, cloth=(0.30, 0.085, 0.075))
MARCOS = Identity(
    21, 0.0,
    {"head/head-square": 0.45, "nose/nose-hump-incr": 0.3, "chin/chin-width-incr": 0.4,
     "eyes/l-eye-scale-incr": 0.3, "eyes/r-eye-scale-incr": 0.3, "cheek/l-cheek-volume-decr": 0.3,
     "cheek/r-cheek-volume-decr": 0.3, "mouth/mouth-scale-horiz-incr": 0.3},
    skin=(0.40, 0.225, 0.150), ruddiness=1.0, lips=(0.31, 0.14, 0.115), lip_strength=0.6, iris=(0.09, 0.05, 0.025),
    hair=(0.012, 0.009, 0.008), brow_density=1.4, stubble=0.85, cloth=(0.10, 0.115, 0.10))
GRACE = Identity(
    33, 1.0,
    {"head/head-round": 0.3, "nose/nose-width2-incr": 0.35, "eyes/l-eye-scale-incr": 0.35,
     "eyes/r-eye-scale-incr": 0.35, "mouth/mouth-lowerlip-volume-incr": 0.6,
     "mouth/mouth-upperlip-volume-incr": 0.6},
    skin=(0.235, 0.118, 0.068), ruddiness=0.6, lips=(0.26, 0.085, 0.075), lip_strength=0.7, iris=(0.05, 0.028, 0.016),
    hair=(0.010, 0.007, 0.006), hair_style="tied", brow_density=1.0, cloth=(0.36, 0.26, 0.07))

ES_SOLO = Clip(
    "es_solo", "es", 101,
    {"Pablo": Actor(PABLO, "jm_kumo", Camera(0.0, 6.72, 18.0, 3000.0, 1000, HEIGHT), left=140, speed=1.16)},
    (Line("Pablo", "Hola, me llamo Pablo y vivo en un pueblo pequeño cerca del mar.",
          "Hello, my name is Pablo and I live in a small village near the sea."),
     Line("Pablo", "Por la mañana abro la ventana y miro los barcos.",
          "In the morning I open the window and look at the boats.", 120),
     Line("Pablo", "Después preparo un buen café para mi familia.",
          "Then I make a good coffee for my family.", 80)),
    WARM)

ES_DIALOGUE = Clip(
    "es_dialogue", "es", 202,
    {"Lucía": Actor(LUCIA, "jf_alpha", Camera(0.25, 6.70, 18.0, 2720.0, 720, HEIGHT), left=0, speed=1.18,
                    facing=(13.0, 0.0, 0.0), smile=0.14),
     "Marcos": Actor(MARCOS, "jm_kumo", Camera(-0.25, 6.76, 18.0, 2720.0, 720, HEIGHT), left=560, speed=1.2,
                     facing=(-13.0, 0.0, 0.0))},
    (Line("Lucía", "Buenos días, Marcos. ¿Qué tal el viaje?", "Good morning, Marcos. How was the trip?"),
     Line("Marcos", "Muy bien, pero el tren paró mucho tiempo.", "Very good, but the train stopped for a long time."),
     Line("Lucía", "¡Vaya! ¿Y pudiste comer algo?", "Oh no! And were you able to eat something?"),
     Line("Marcos", "Solo un bocadillo y una botella de agua.", "Only a sandwich and a bottle of water."),
     Line("Lucía", "Entonces vamos a preparar una buena cena.", "Then let's make a good dinner."),
     Line("Marcos", "Perfecto. Yo puedo comprar pan y tomates.", "Perfect. I can buy bread and tomatoes."),
     Line("Lucía", "Estupendo, mi madre también viene esta noche.", "Great, my mother is coming tonight too.")),
    COOL, music=True, quality=22)

EN_HARD = Clip(
    "en_hard", "en", 303,
    {"Grace": Actor(GRACE, "jf_alpha", Camera(0.0, 6.72, 18.0, 3000.0, 1000, HEIGHT), left=140, speed=1.1)},
    (Line("Grace", "Welcome back. My name is Grace, and this is a beautiful place to visit."),
     Line("Grace", "Beyond the mountains there is a quiet lake, and people come here every summer.", gap_ms=60),
     Line("Grace", "Maybe you will be the next to see it. I hope you bring a warm coat.", gap_ms=60)),
    COOL, cutaway=(0.24, 0.50), hand=(0.55, 0.72), profile=Profile(0.76, 0.96, 78.0), quality=21)

CLIPS = {clip.name: clip for clip in (ES_SOLO, ES_DIALOGUE, EN_HARD)}
