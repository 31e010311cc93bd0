"""Who is talking in the picture: mouth motion of every track against the sound of every speaker.

For each stretch of speech and each shot, every face gets a score from two signs: its mouth moves at all
while the speaker talks, and its motion follows the sound's syllables (correlation of the speed of lips and jaw
with the loudness, at the best lag within 160 ms). Measured on real talking heads this correlation is 0.35 to
0.70 for a face with its own sound, and below 0.35 for nine in ten pairs of a face with another sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfiltfilt

from lipsync_core.face.mesh import eye_distance, lip_opening
from lipsync_core.face.types import FaceAnalysis, FaceTrack

Float = npt.NDArray[np.float64]

SAMPLE_RATE = 16_000
# Standard deviation of the lip opening (in eye distances) below which a mouth rests, and of a clear speaker.
_RESTING, _TALKING = 0.008, 0.02
_MIN_FRAMES = 8
_MAX_LAG_MS = 160.0
# Correlation with the sound below which even a moving mouth says something else.
_AGAINST = 0.05
# Lowest score with which a lone face is taken for the speaker, and by which the best must lead the second.
_MIN_SCORE, _LEAD = 0.3, 0.05
# Speech is judged in windows, so that a change of the visible speaker within a span is noticed.
_WINDOW_MS = 4000.0


@dataclass(frozen=True, slots=True)
class ActiveSpan:
    """Frames ``start_frame`` to ``end_frame`` (exclusive) in which this track's face is the one talking."""

    track_id: int
    start_frame: int
    end_frame: int
    score: float


@dataclass(frozen=True, slots=True)
class _Mouth:
    """A track's lip opening and the speed of its mouth on its own frames, with the times of these frames."""

    track: FaceTrack
    times_ms: Float
    opening: Float
    speed: Float


def active_tracks(
    analysis: FaceAnalysis, spans: Iterable[tuple[str, float, float]], sound_16k: npt.NDArray[np.float32]
) -> dict[str, list[ActiveSpan]]:
    """For each speaker the faces that say the words, in time order.

    spans: (speaker, start_ms, end_ms) of speech, on the clock of ``analysis.times_ms``; sound_16k: float32 mono at
    16 kHz from time 0, best the separated speech. A speaker who is never seen talking (voice-over, a face that
    rests, a listener) has an empty list. Raises ValueError for a span that ends before it starts.
    """
    envelope = loudness(sound_16k)
    mouths = [_mouth(t, analysis.times_ms) for t in analysis.tracks]
    result: dict[str, list[ActiveSpan]] = {}
    ordered = sorted(spans, key=lambda s: s[1])
    for speaker, start_ms, end_ms in ordered:
        if end_ms < start_ms:
            raise ValueError(f"speech of {speaker} ends at {end_ms} ms before it starts at {start_ms} ms")
        found = result.setdefault(speaker, [])
        habits = [f.track_id for f in found]
        for first, stop in _windows(analysis, start_ms, end_ms):
            chosen = _choose(mouths, first, stop, analysis.times_ms, envelope, habits)
            if chosen is not None:
                found.append(chosen)
    return {speaker: _joined(found) for speaker, found in result.items()}


def loudness(sound_16k: npt.NDArray[np.float32]) -> Float:
    """Loudness of the band in which vowels differ from murmur (300 to 3400 Hz), one value per 10 ms."""
    hop = SAMPLE_RATE // 100
    count = len(sound_16k) // hop
    if count < 4:
        return np.zeros(max(count, 1))
    band = sosfiltfilt(butter(3, (300, 3400), "bandpass", fs=SAMPLE_RATE, output="sos"), sound_16k)
    power = (band[: count * hop].reshape(count, hop) ** 2).mean(1)
    # The fourth root of power lies between amplitude and decibels, near to perceived loudness.
    return gaussian_filter1d(power, 2.0) ** 0.25


def _mouth(track: FaceTrack, times_ms: Float) -> _Mouth:
    points = track.points.astype(np.float64)
    eyes = np.maximum(eye_distance(points), 1e-6)
    opening = lip_opening(points)
    width, jaw = (np.linalg.norm(points[:, a] - points[:, b], axis=-1) / eyes for a, b in ((61, 291), (152, 168)))
    steps = np.maximum(np.diff(track.frames, prepend=track.frames[0] - 1), 1)
    changes = [np.abs(np.diff(v, prepend=v[:1])) / steps for v in (opening, width, jaw)]
    return _Mouth(track, times_ms[track.frames], opening, gaussian_filter1d(np.sum(changes, axis=0), 1.5))


def _windows(analysis: FaceAnalysis, start_ms: float, end_ms: float) -> Iterable[tuple[int, int]]:
    """The frames of one span, cut at shot boundaries and into pieces of about ``_WINDOW_MS``."""
    first, stop = np.searchsorted(analysis.times_ms, [start_ms, end_ms])
    for shot_first, shot_stop in analysis.shots:
        low, high = max(int(first), int(shot_first)), min(int(stop), int(shot_stop))
        if low >= high:
            continue
        length_ms = analysis.times_ms[high - 1] - analysis.times_ms[low]
        edges = np.linspace(low, high, max(round(length_ms / _WINDOW_MS), 1) + 1).astype(int)
        yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def _choose(mouths: list[_Mouth], first: int, stop: int, times_ms: Float, envelope: Float,
            habits: list[int]) -> ActiveSpan | None:
    scored = []
    for mouth in mouths:
        inside = (mouth.track.frames >= first) & (mouth.track.frames < stop)
        if inside.any():
            score = _score(mouth, first, stop, times_ms, envelope)
            # Who spoke a moment ago in this very track most likely still does.
            scored.append((score + (0.1 if mouth.track.id in habits and score > 0 else 0.0), mouth, inside))
    if not scored:
        return None
    scored.sort(key=lambda s: -s[0])
    score, mouth, inside = scored[0]
    second = scored[1][0] if len(scored) > 1 else 0.0
    if score < _MIN_SCORE or (len(scored) > 1 and score - second < _LEAD):
        return None
    frames = mouth.track.frames[inside]
    return ActiveSpan(mouth.track.id, int(frames[0]), int(frames[-1]) + 1, float(min(score, 1.0)))


def _score(mouth: _Mouth, first: int, stop: int, times_ms: Float, envelope: Float) -> float:
    """0 for a resting mouth, about 1 for one that moves with the sound."""
    # A second of context on both sides: onsets and pauses around speech say as much as the speech itself.
    begin_ms, end_ms = times_ms[first] - 1000, times_ms[stop - 1] + 1000
    context = (mouth.times_ms >= begin_ms) & (mouth.times_ms <= end_ms)
    spoken = (mouth.track.frames >= first) & (mouth.track.frames < stop)
    if spoken.sum() < _MIN_FRAMES:
        return 0.0
    reliable = float(np.mean(mouth.track.presence[spoken]))
    motion = float(np.clip((_spread(mouth.opening[spoken]) - _RESTING) / (_TALKING - _RESTING), 0, 1))
    if motion == 0:
        return 0.0
    follows = _follows(mouth.times_ms[context], mouth.speed[context], envelope)
    if follows < _AGAINST:
        return 0.5 * _MIN_SCORE * reliable * motion
    return reliable * motion * (0.35 + 0.65 * float(np.clip((follows - 0.1) / 0.4, 0, 1)))


def _spread(opening: Float) -> float:
    """Size of the syllable-fast part of the motion: a slow smile or a turning head does not count."""
    return float(np.std(opening - gaussian_filter1d(opening, 12.0)))


def _follows(times_ms: Float, speed: Float, envelope: Float) -> float:
    """Best correlation, over small lags, of the mouth's speed with the loudness at the same moments."""
    motion = _standard(speed)
    best = -1.0
    for lag_ms in np.arange(-_MAX_LAG_MS, _MAX_LAG_MS + 1, 40.0):
        index = np.clip(((times_ms + lag_ms) / 10).astype(int), 0, len(envelope) - 1)
        best = max(best, float((motion * _standard(gaussian_filter1d(envelope[index], 0.8))).mean()))
    return best


def _standard(values: Float) -> Float:
    values = values - gaussian_filter1d(values, 25.0)
    return values / max(float(values.std()), 1e-6)


def _joined(found: list[ActiveSpan]) -> list[ActiveSpan]:
    """Neighbouring pieces of one track become one span; the score is their mean weighted by length."""
    result: list[ActiveSpan] = []
    for span in found:
        last = result[-1] if result else None
        if last is not None and last.track_id == span.track_id and span.start_frame <= last.end_frame + 1:
            lengths = (last.end_frame - last.start_frame, span.end_frame - span.start_frame)
            score = (last.score * lengths[0] + span.score * lengths[1]) / max(sum(lengths), 1)
            result[-1] = ActiveSpan(span.track_id, last.start_frame, max(last.end_frame, span.end_frame), score)
        else:
            result.append(span)
    return result
