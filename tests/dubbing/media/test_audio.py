from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from dubbing.errors import MediaError, StorageError
from dubbing.media.audio import blocks, read_mono_16k, read_wav_blocks, rechunked, resample, write_wav
from dubbing.media.probe import probe
from tests import media_factory as factory


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sound")


def whole(path: Path, **arguments: object) -> np.ndarray:
    return np.concatenate(list(blocks(path, **arguments)), axis=1)  # type: ignore[arg-type]


def first_click_s(sound: np.ndarray, rate: int) -> float:
    return float(np.argmax(np.abs(sound) > 0.25 * np.abs(sound).max() + 0.05)) / rate


SOUNDING = [name for name, clip in factory.CLIPS.items() if clip.sound == "clicks" and clip.frames > 2]


@pytest.mark.parametrize("name", SOUNDING)
def test_sound_lies_on_the_clock_of_the_pictures(folder: Path, name: str) -> None:
    """The clicks are heard when the clip says, counted from the container's zero; at any rate and layout."""
    clip = factory.CLIPS[name]
    path = factory.make(folder, name)
    # MPEG-TS starts its clock with its first packet: the encoder's priming.
    zero_s = -1024 / 48_000 if name.endswith(".ts") else probe(path).start_ms / 1000
    expected = factory.CLICKS_S[0] + float(clip.sound_start_s) - zero_s
    sound = whole(path)
    assert sound.dtype == np.float32 and sound.shape[0] == {"mono": 1, "stereo": 2, "5.1": 6}[clip.layout]
    assert first_click_s(sound[0], clip.sample_rate) == pytest.approx(expected, abs=0.001)
    converted = whole(path, sample_rate=22_050, layout="mono")[0]
    assert first_click_s(converted, 22_050) == pytest.approx(expected, abs=0.001)
    assert first_click_s(read_mono_16k(path), 16_000) == pytest.approx(expected, abs=0.001)


def test_blocks_have_the_length_that_was_asked_for(folder: Path) -> None:
    path = factory.make(folder, "plain.mp4")
    sizes = [block.shape[1] for block in blocks(path, block_samples=5000)]
    assert set(sizes[:-1]) == {5000} and 0 < sizes[-1] <= 5000
    assert sum(sizes) == pytest.approx(96_000, abs=1024)


def test_channels_are_kept_apart(folder: Path) -> None:
    rate, names = 48_000, 6
    sound = np.zeros((names, rate), np.float32)
    for channel in range(names):
        sound[channel, channel * 8000 : channel * 8000 + 4000] = 0.5 * np.sin(np.arange(4000) / 20)
    path = folder / "six.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="5.1")
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="5.1")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert np.abs(whole(path) - sound).max() < 1e-3
    mono = read_mono_16k(path)
    assert len(mono) == 16_000 and 0.05 < np.abs(mono[:1300]).max() <= 0.5


def test_mono_of_loud_stereo_does_not_clip(folder: Path) -> None:
    loud = 0.95 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000).astype(np.float32)
    write_wav(folder / "loud.wav", [np.stack([loud, loud])], 48_000)
    mono = read_mono_16k(folder / "loud.wav")
    assert np.abs(mono).max() == pytest.approx(0.95, abs=0.01)


def test_gaps_become_silence(folder: Path) -> None:
    rate = 48_000
    path = folder / "gap.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        stream.codec_context.time_base = Fraction(1, rate)
        for start in (0, rate):
            frame = av.AudioFrame.from_ndarray(np.full((1, rate // 2), 0.5, np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sound = whole(path)[0]
    assert len(sound) == rate * 3 // 2
    assert np.all(sound[: rate // 2] > 0.4) and np.all(sound[rate // 2 + 50 : rate - 50] == 0)
    assert np.all(sound[rate + 50 :] > 0.4)


def test_files_without_sound(folder: Path) -> None:
    with pytest.raises(MediaError, match="no audio stream"):
        next(blocks(factory.make(folder, "no_audio.mp4")))
    with pytest.raises(MediaError, match="number 2"):
        next(blocks(factory.make(folder, "plain.mp4"), stream=1))
    with pytest.raises(MediaError, match="no file"):
        read_mono_16k(folder / "nowhere.mp4")


@pytest.mark.parametrize(("bits", "error"), [(16, 3.1e-5), (24, 2e-7), (32, 0.0)])
def test_wav_round_trip(folder: Path, bits: int, error: float) -> None:
    sound = np.random.default_rng(1).uniform(-0.9, 0.9, (2, 50_000)).astype(np.float32)
    path = folder / f"{bits}.wav"
    assert write_wav(path, np.array_split(sound, 7, axis=1), 44_100, bits=bits) == 50_000
    back = np.concatenate(list(read_wav_blocks(path, 777)), axis=1)
    assert np.abs(back - sound).max() <= error
    assert path.read_bytes()[:4] == b"RIFF" and soundfile.info(path).samplerate == 44_100


def test_loud_samples_are_clipped_not_wrapped(folder: Path) -> None:
    write_wav(folder / "clip.wav", [np.array([[2.0, -2.0, 0.0]], np.float32)], 8000, bits=16)
    back = np.concatenate(list(read_wav_blocks(folder / "clip.wav")), axis=1)
    assert back[0].tolist() == pytest.approx([1.0, -1.0, 0.0], abs=1e-3)


def test_failed_wav_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> object:
        yield np.zeros((1, 100), np.float32)
        raise RuntimeError("the sound ran out")

    with pytest.raises(RuntimeError):
        write_wav(tmp_path / "a.wav", broken(), 8000)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no sound"):
        write_wav(tmp_path / "a.wav", [], 8000)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        write_wav(tmp_path / "file" / "a.wav", [np.zeros((1, 10), np.float32)], 8000)
    with pytest.raises(MediaError):
        list(read_wav_blocks(tmp_path / "file"))


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48_000, 16_000), (24_000, 48_000), (44_100, 48_000),
                                                    (16_000, 24_000), (48_000, 44_100), (22_050, 22_050)])
def test_resampling_keeps_a_tone(from_rate: int, to_rate: int) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(from_rate) / from_rate).astype(np.float32)
    result = resample(tone, from_rate, to_rate)
    wanted = np.sin(2 * np.pi * 1000 * np.arange(to_rate) / to_rate)
    assert result.dtype == np.float32 and len(result) == to_rate
    assert np.abs(result - wanted)[500:-500].max() < 1e-3


def test_resampling_down_removes_what_would_alias() -> None:
    tone = np.sin(2 * np.pi * 11_000 * np.arange(48_000) / 48_000).astype(np.float32)
    assert np.abs(resample(tone, 48_000, 16_000))[200:-200].max() < 1e-3
    assert len(resample(np.zeros(0, np.float32), 48_000, 16_000)) == 0


def test_rechunking_loses_nothing() -> None:
    sound = np.arange(1000, dtype=np.float32).reshape(1, -1)
    for sizes in ([1000], [1] * 1000, [3, 500, 7, 490], [999, 1]):
        parts = np.split(sound, np.cumsum(sizes)[:-1], axis=1)
        out = list(rechunked(parts, 64))
        assert np.array_equal(np.concatenate(out, axis=1), sound)
        assert all(part.shape[1] == 64 for part in out[:-1])


def test_real_speech_is_as_long_as_declared(media: Path) -> None:
    for path in sorted(media.glob("*.wav")):
        assert len(read_mono_16k(path)) / 16 == pytest.approx(probe(path, needs_video=False).duration_ms, abs=1)
