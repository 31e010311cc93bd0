"""Separators that hear in windows: nothing late, nothing lost, any rate and layout; Demucs and Spleeter as files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dubbing.engines.base import Separator, Sound
from dubbing.engines.separate import demucs
from dubbing.engines.separate import spleeter as music
from dubbing.engines.separate.demucs import DemucsSeparator
from dubbing.engines.separate.fake import FakeSeparator
from dubbing.engines.separate.spleeter import SpleeterSeparator
from dubbing.engines.separate.windows import Windows, separate
from dubbing.errors import UnavailableError
from tests.tiny import hdemucs, spleeter


def blocks(sound: Sound, size: int) -> Iterator[Sound]:
    for start in range(0, sound.shape[1], size):
        yield sound[:, start : start + size]


def joined(stream: Iterator[tuple[Sound, Sound]]) -> tuple[Sound, Sound]:
    found = list(stream)
    return np.concatenate([s for s, _ in found], axis=1), np.concatenate([m for _, m in found], axis=1)


def noise(channels: int, samples: int, seed: int = 0) -> Sound:
    """Below 5 kHz, so that every rate can hold it."""
    from scipy.signal import butter, sosfilt

    white = np.random.default_rng(seed).standard_normal((channels, samples))
    return (0.1 * sosfilt(butter(6, 0.2, output="sos"), white, axis=1)).astype(np.float32)


@pytest.mark.parametrize("size", [37, 1000, 9999])
def test_windows_put_sound_together_again_where_they_overlap(size: int) -> None:
    sound = noise(2, 5000)
    windows = Windows(lambda window: 0.5 * window, 700, 150)
    found = np.concatenate([*(windows.push(block) for block in blocks(sound, size)), windows.flush()], axis=1)
    np.testing.assert_allclose(found, 0.5 * sound, atol=1e-7)


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (48_000, 6), (22_050, 2), (48_000, 4)])
def test_what_a_network_finds_is_taken_out_in_time_at_any_rate(rate: int, channels: int) -> None:
    mix = noise(channels, rate)
    speech, rest = joined(separate(lambda window: window, 20_000, 2000, blocks(mix, 4800), rate))
    assert speech.shape == rest.shape == mix.shape
    np.testing.assert_allclose(speech + rest, mix, atol=1e-6)
    shown = {6: [0, 1, 2], 4: [0, 1]}.get(channels, list(range(channels)))
    left = np.square(rest[shown, 3000:-3000]).sum() / np.square(mix[shown, 3000:-3000]).sum()
    assert 10 * np.log10(left) < -25
    others = [c for c in range(channels) if c not in shown]
    np.testing.assert_allclose(speech[others], 0, atol=1e-6)


def test_where_nothing_is_found_music_is_left_alone() -> None:
    mix = noise(2, 30_000)
    speech, rest = joined(separate(lambda window: 0 * window, 20_000, 2000, blocks(mix, 7000), 44_100))
    np.testing.assert_allclose(rest, mix, atol=1e-5)
    assert np.abs(speech).max() < 1e-5


def test_demucs_reads_its_weights_and_its_stems_sum_to_the_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demucs, "_WINDOW_S", 0.5)
    monkeypatch.setattr(demucs, "_OVERLAP_S", 0.1)
    engine = DemucsSeparator(hdemucs.save(tmp_path / "tiny.pt"), device="cpu")
    assert isinstance(engine, Separator) and engine.why_unavailable() is None
    mix = noise(2, 30_000)
    speech, rest = joined(engine.separate(blocks(mix, 20_000), 44_100))
    assert speech.shape == mix.shape and np.isfinite(speech).all()
    np.testing.assert_allclose(speech + rest, mix, atol=1e-6)
    # Digital silence is not asked about.
    quiet = joined(engine.separate(blocks(np.zeros((1, 5000), np.float32), 5000), 48_000))
    assert not np.abs(quiet[0]).any()
    engine.release()


def test_demucs_says_what_it_lacks_and_refuses_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setenv("DUBBING_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert "DUBBING_MODEL_HDEMUCS" in (DemucsSeparator().why_unavailable() or "")
    with pytest.raises(UnavailableError, match="not here"):
        DemucsSeparator().load()
    bundled = tmp_path / "hub/torchaudio/models/hdemucs_high_trained.pt"
    bundled.parent.mkdir(parents=True)
    torch.save({"something": torch.zeros(3)}, bundled)
    assert DemucsSeparator().why_unavailable() is None
    with pytest.raises(UnavailableError, match="holds no weights of Hybrid Demucs"):
        DemucsSeparator().load()
    monkeypatch.setenv("DUBBING_MODEL_HDEMUCS", str(hdemucs.save(tmp_path / "mine.pt")))
    DemucsSeparator(device="cpu").load()


def test_spleeter_shares_the_sound_out_as_its_networks_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(music, "_WINDOW", 63 * 1024)
    mix = np.repeat(noise(1, 30_000), 2, axis=0)
    engine = SpleeterSeparator(spleeter.save(tmp_path, 8.0, -8.0), second=_Whole())
    inside = slice(3000, -3000)
    speech, rest = joined(engine.separate(blocks(mix, 9000), 44_100))
    np.testing.assert_allclose(speech + rest, mix, atol=1e-6)
    np.testing.assert_allclose(speech[:, inside], mix[:, inside], atol=0.02)
    # What it finds is heard a second time: of the fake's ears, half of it is speech.
    engine._second = FakeSeparator()
    speech, rest = joined(engine.separate(blocks(mix, 9000), 44_100))
    np.testing.assert_allclose(speech[:, inside], 0.5 * mix[:, inside], atol=0.02)
    np.testing.assert_allclose(speech + rest, mix, atol=1e-6)
    engine._networks.reverse()
    assert np.abs(joined(engine.separate(blocks(mix, 9000), 44_100))[0][:, inside]).max() < 0.02


def test_a_file_that_is_no_spleeter_is_refused(tmp_path: Path) -> None:
    import torch

    spleeter.save(tmp_path)
    torch.save({"up1.0.weight": np.zeros((512, 256, 5, 5), np.float32)}, tmp_path / "vocals.ckpt")
    with pytest.raises(UnavailableError, match=r"vocals\.ckpt holds no weights of Spleeter"):
        SpleeterSeparator(tmp_path).load()


class _Whole(FakeSeparator):
    """Takes everything for speech."""

    def separate(self, blocks: Iterator[Sound], sample_rate: int) -> Iterator[tuple[Sound, Sound]]:
        for block in blocks:
            yield block, np.zeros_like(block)
