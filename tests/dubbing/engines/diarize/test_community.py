"""pyannote's community-1 in its real form, with networks that were never trained."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from dubbing.engines.diarize.community import MODEL, CommunityDiarizer, load_pipeline
from dubbing.errors import UnavailableError
from dubbing.weights.store import Store
from tests.tiny.pyannote import build_community


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_community(tmp_path_factory.mktemp("community"))


class OneModel(Store):
    """A store that holds the small pipeline under the real one's name."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder_of_it = folder

    def fetch(self, name: str, report: object = None) -> Path:
        return self._folder_of_it if name == MODEL else super().fetch(name)


@pytest.mark.real
def test_a_folder_in_the_real_form_diarizes(folder: Path) -> None:
    """Untrained networks hear nothing in particular; what comes back must be in order all the same."""
    store = OneModel(folder)
    if reason := store.why_unavailable("resemblyzer"):
        pytest.skip(reason)
    seen: list[float] = []
    sound = np.random.default_rng(0).normal(0, 0.1, 16000 * 4).astype(np.float32)
    found = CommunityDiarizer(device="cpu", store=store).diarize(
        sound, speakers=None, report=lambda done, total, _message: seen.append(done / total))
    assert found.turns and found.turns[0].speaker == "S1"
    assert all(0 <= turn.start_ms < turn.end_ms <= 4000 for turn in found.turns)
    assert set(found.embeddings) == {turn.speaker for turn in found.turns}
    for print_ in found.embeddings.values():
        assert len(print_) == 256 and np.linalg.norm(print_) == pytest.approx(1.0, abs=1e-3)
    assert seen == sorted(seen) and seen[-1] == 1.0
    nothing = CommunityDiarizer(device="cpu", store=store)
    nothing._pipeline = nothing._prints = object()
    assert nothing.diarize(np.zeros(100, np.float32), speakers=None).turns == ()


def test_a_file_that_would_run_something_is_not_run(folder: Path, tmp_path: Path) -> None:
    import torch

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    torch.save({"state_dict": {}, "hyper_parameters": Trap()}, bad / "segmentation" / "pytorch_model.bin")
    with pytest.raises(UnavailableError, match="segmentation cannot be loaded"):
        load_pipeline(bad, "cpu")
    assert not (tmp_path / "sprung").exists()


def test_a_folder_of_another_kind_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="diarization pipeline cannot be loaded"):
        load_pipeline(tmp_path, "cpu")
    (tmp_path / "config.yaml").write_text("- not\n- a pipeline\n")
    with pytest.raises(UnavailableError, match="diarization pipeline cannot be loaded"):
        load_pipeline(tmp_path, "cpu")


def test_without_a_token_the_model_says_what_it_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubbing.weights.hub.token", lambda: "")
    monkeypatch.setattr("dubbing.weights.hub.hub_answers", lambda: True)
    store = Store(cache=tmp_path, offline=False)
    reason = CommunityDiarizer(store=store).why_unavailable()
    assert reason is not None and "accepted its conditions" in reason and "DUBBING_HUB_TOKEN" in reason
    monkeypatch.setattr("dubbing.weights.hub.token", lambda: "of-a-person")
    assert store.why_unavailable(MODEL) is None
