"""Training is repeatable, what it exports is what it trained, and a corpus is read as it was written."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from lipsync_core.speech.corpus import Take, labels, lip_targets, read_corpus
from lipsync_core.speech.evaluate import evaluate
from lipsync_core.speech.features import BANDS
from lipsync_core.speech.network import Layout, PhoneNetwork, mel_ear
from lipsync_core.speech.phones import CLASSES
from lipsync_core.speech.sound import RATE
from lipsync_core.speech.timeline import TimedPhone
from lipsync_core.speech.train import build, export, refit_lips, train
from tests.lipsync_core.speech.test_align import stored

SMALL = Layout(BANDS, 5, 16, (1, 2), 1)
WIDE = Layout(300, 1, 16, (1, 2), 2)


@pytest.fixture(scope="module")
def takes() -> list[Take]:
    spoken = [(name, *stored(name)) for name in ("english", "spanish")]
    return [Take(sound, tuple(phones), "train", name[:2], name) for name, sound, phones in spoken]


@pytest.mark.parametrize("layout", [SMALL, WIDE])
def test_what_is_exported_says_the_same(layout: Layout) -> None:
    import torch

    torch.manual_seed(0)
    network = build(layout).train()
    network(torch.randn(2, layout.inputs, 120) * 3 + 1)
    network.eval()
    own = PhoneNetwork(export(network, layout, np.zeros(len(CLASSES), np.float32)), layout, mel_ear)
    x = torch.randn(1, layout.inputs, 50)
    with torch.no_grad():
        wanted = [out[0].numpy() for out in network(x)]
    for a, b in zip(wanted, own.judge(x[0].T.numpy()), strict=True):
        assert a.shape[0] == 50 * layout.steps
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_same_seed_trains_the_same_weights_that_learn_something(takes: list[Take]) -> None:
    one, again = (train(takes, 40, 7, SMALL) for _ in range(2))
    for name, value in one.items():
        np.testing.assert_array_equal(value, again[name])
    network = PhoneNetwork(one, SMALL, mel_ear)
    assert evaluate(network, takes)["frames_right"] > 0.06


def test_lips_are_fitted_anew_to_the_visemes(takes: list[Take]) -> None:
    weights = train(takes, 10, 0, SMALL)
    weights["lips.weight"][:] = 0
    before = evaluate(PhoneNetwork({**weights, "lips.bias": np.array([0.1, 0.2])}, SMALL, mel_ear), takes[:1])
    refit_lips(weights, takes, 0, SMALL, mel_ear)
    after = evaluate(PhoneNetwork(weights, SMALL, mel_ear), takes[:1])
    assert after["opening_r"] > before["opening_r"] + 0.05


def test_labels_follow_phones_through_speed_and_shift() -> None:
    phones = [TimedPhone(" ", 0, 100), TimedPhone("m", 100, 200), TimedPhone("aɪ", 200, 400)]
    names = [CLASSES[i] for i in labels(phones, 50)]
    assert names == [" "] * 10 + ["m"] * 10 + ["a"] * 10 + ["ɪ"] * 10 + [" "] * 10
    moved = [CLASSES[i] for i in labels(phones, 50, scale=0.5, shift_ms=100)]
    assert moved[15:20] == ["m"] * 5 and moved[20:25] == ["a"] * 5
    lips = lip_targets(phones, 40, 1.0, 0.0)
    assert lips.shape == (40, 2) and lips[15, 0] == 0 < lips[25, 0]


def test_a_corpus_is_read_as_written(tmp_path: Path) -> None:
    samples = np.array([0, 16384, -32768], "<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    row = {"file": "a.wav", "split": "test", "language": "es", "phones": [["a", 0, 5.5]]}
    (tmp_path / "takes.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (take,) = read_corpus(tmp_path)
    assert take.phones == (TimedPhone("a", 0, 5.5),) and take.split == "test"
    np.testing.assert_allclose(take.sound, [0, 0.5, -1])
