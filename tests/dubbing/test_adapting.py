"""Adaptation as people ask for it: options and their sentences, who repaints whom, and what is computed again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import soundfile

from dubbing import lipsync_file, registry
from dubbing.adapting import Adapting
from dubbing.domain.speech import SpokenLine
from dubbing.engines.base import AdaptReport
from dubbing.engines.lipsync.fake import FakeLipSyncer
from dubbing.engines.lipsync.own import OwnLipSyncer
from dubbing.errors import UnavailableError, UsageError
from dubbing.jobs.eta import Costs
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact, ArtifactStore
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages.separate import SPEECH
from tests.dubbing.team.desks import manager, project, workspace_in
from tests.lipsync_core.train.tiny_generator import write_tiny
from tests.media_factory import make

LOST, WON = "the atlas is used, since ...", "the adapted generator is used"


class FakeAdapter(FakeLipSyncer):
    """Wins for every speaker named in ``winners``; notes who was asked."""

    id: ClassVar[str] = "own"
    winners: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        self.asked: list[tuple[str, float, int, bool]] = []

    def adapt(self, video: Path, tracks: Path, models: Path, speaker: str, spans: Any, folder: Path, *,
              sound: Any = None, minutes: float, work: Path | None = None, report: Any = None,
              say: Callable[[str], None]) -> AdaptReport:
        say("Adapting: 0.50 s a step on this machine, so 100 steps take about 50 s.")
        self.asked.append((speaker, minutes, len(spans), sound is not None))
        if work is not None:
            work.mkdir(parents=True)
        if speaker not in self.winners:
            return AdaptReport(False, LOST, {"won": False})
        write_tiny(folder / "generator.safetensors")
        return AdaptReport(True, WON, {"won": True}, folder / "generator.safetensors")


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> FakeAdapter:
    """Stands in for the engine "own" where it adapts; an adapted generator's engine is the real one."""
    made = FakeAdapter()
    real = registry.choose

    def choose(kind: str, wanted: str = "auto", **given: Any) -> Any:
        if kind != "lipsync" or wanted not in ("auto", "own"):
            return real(kind, wanted, **given)
        if wanted == "auto":
            return FakeLipSyncer()
        path = given.get("checkpoint")
        return OwnLipSyncer(path) if path else made

    monkeypatch.setattr(registry, "choose", choose)
    return made


def stage(tmp_path: Path, options: DubOptions) -> Adapting:
    import numpy as np

    def artifact(name: str) -> Artifact:
        (tmp_path / name).mkdir(exist_ok=True)
        return Artifact(name, tmp_path / name, {})

    separated = artifact("separated")
    soundfile.write(separated.path(SPEECH), np.zeros(16_000, np.float32), 16_000)
    lines = (SpokenLine("ana", 0, 900, "Hola", ()), SpokenLine("eva", 1000, 1900, "Adiós", ()))
    source = SimpleNamespace(path=tmp_path / "clip.mp4", sha256="0" * 64, tracks=artifact("tracks"),
                             mouths=artifact("mouths"), separated=separated, lines=lines, lipsyncer=FakeLipSyncer())
    return Adapting(options, source, Runner(ArtifactStore(tmp_path / "artifacts")), tmp_path / "adapting")


def test_whoever_wins_is_repainted_by_the_adapted_generator_and_the_others_as_before(
        tmp_path: Path, adapter: FakeAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeAdapter, "winners", {"ana"})
    adapting = stage(tmp_path, DubOptions(("en",), adapt=True, adapt_minutes=7.0))
    assert adapting.lipsyncer("ana").id == "fake", "nobody waits for what has not run"
    notes = adapting.run({"ana": "Ana María", "eva": "Eva"})
    assert notes == [f"Ana María: {WON}", f"Eva: {LOST}"]
    ana, eva = adapting.lipsyncer("ana"), adapting.lipsyncer("eva")
    assert isinstance(ana, OwnLipSyncer) and ana.version.startswith("1-") and ana.weights.is_file()
    assert eva.id == "fake"
    assert adapter.asked == [("ana", 7.0, 1, True), ("eva", 7.0, 1, True)]
    assert not any((tmp_path / "adapting").iterdir()), "nothing half-done stays"
    again = stage(tmp_path, DubOptions(("en",), adapt=True, adapt_minutes=7.0))
    assert again.lipsyncer("ana").version == ana.version, "another run finds it"
    again.run({"ana": "Ana", "eva": "Eva"})
    assert len(adapter.asked) == 2


def test_without_adaptation_nothing_changes_and_more_time_is_another_result(tmp_path: Path,
                                                                            adapter: FakeAdapter) -> None:
    off = stage(tmp_path, DubOptions(("en",)))
    assert off.run({"ana": "Ana"}) == [] and off.lipsyncer("ana").id == "fake" and not adapter.asked
    keys = {stage(tmp_path, DubOptions(("en",), adapt=True, adapt_minutes=m))._step(speaker).key
            for m in (5.0, 10.0) for speaker in ("ana", "eva")}
    assert len(keys) == 4
    step = stage(tmp_path, DubOptions(("en",), adapt=True))._step("ana")
    assert step.key != step.__class__(**{**step.__dict__, "engine": OwnLipSyncer(write_tiny(tmp_path / "w"))}).key


def test_the_facts_keep_the_estimate_and_the_figures(tmp_path: Path, adapter: FakeAdapter) -> None:
    adapting = stage(tmp_path, DubOptions(("en",), adapt=True))
    adapting.run({"ana": "Ana"})
    facts = adapting._found["ana"].facts
    assert "0.50 s a step" in facts["estimate"] and facts["figures"] == {"won": False} and facts["generator"] == ""


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"lipsync": "wav2lip"}, "is to be wav2lip"), ({"lipsync": "off"}, "is to be off"),
    ({"lipsync": "fake"}, "is to be fake"), ({"adapt_minutes": 0.5}, "cannot take 0.5 minutes"),
    ({"adapt_minutes": 1000.0}, "cannot take 1000 minutes")])
def test_options_that_cannot_work_are_told(changes: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as told:
        DubOptions(("en",), adapt=True, **changes).checked()
    assert told.value.hint


def test_options_travel_as_json_and_older_ones_have_no_adaptation() -> None:
    options = DubOptions(("en",), adapt=True, adapt_minutes=3.0)
    assert DubOptions.from_json(json.loads(json.dumps(options.to_json()))) == options.checked()
    assert DubOptions.from_json({"targets": ["en"]}).adapt is False


def test_the_switch_of_a_project_is_kept(tmp_path: Path) -> None:
    with workspace_in(tmp_path) as workspace:
        made, at = project(workspace), manager(workspace).projects
        assert (at.settings(made.id).adapt, at.settings(made.id).adapt_minutes) == (False, 10.0)
        at.set_settings(made.id, adapt=True, adapt_minutes=25.0)
        now = at.set_settings(made.id, keep_original=True)
        assert (now.adapt, now.adapt_minutes, now.keep_original) == (True, 25.0, True)
        options = workspace.options(at.get(made.id))
        assert options.adapt and options.adapt_minutes == 25.0
        with pytest.raises(UsageError, match="is to be off"):
            at.set_settings(made.id, lipsync="off")
        with pytest.raises(UsageError, match="cannot take 0 minutes"):
            at.set_settings(made.id, adapt_minutes=0.0)
        assert at.set_settings(made.id, adapt=False, lipsync="off").adapt is False


def test_while_it_adapts_the_rest_of_the_dub_is_still_counted() -> None:
    from datetime import UTC, datetime

    from dubbing.domain.project import JobProgress
    from dubbing.jobs.eta import Work, eta_s

    now = datetime.now(UTC)
    job: Any = SimpleNamespace(progress=JobProgress("adapt", 10, 100, "step", "", 90.0), heartbeat_at=now)
    known = Costs({"mix": 1e-3, "export": 1e-3, "quality": 1e-3}, {"lipsync": 5.0})
    work = Work(10_000, ("en",), due={"lipsync:en": 2})
    assert eta_s(job, work, known, now) == pytest.approx(90 + 10 + 30)


# one file -------------------------------------------------------------------------------------------------------------


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    from dubbing.cli import main

    with pytest.raises(SystemExit) as stopped:
        main(["lipsync", *(str(a) for a in arguments)])
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make(tmp_path, "clip.mp4", frames=25, sound="bursts")


def test_one_file_falls_back_to_the_atlas_with_the_note(clip: Path, tmp_path: Path, adapter: FakeAdapter,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.mp4"
    code, printed, err = call(capsys, clip, clip, "--out", out, "--adapt", "--adapt-minutes", "2", "--json")
    result = json.loads(printed)
    assert code == 0 and result["backend"] == "fake" and result["notes"] == [LOST]
    assert result["adaptation"] == {"won": False} and out.is_file()
    assert "0.50 s a step on this machine" in err and adapter.asked == [("speaker", 2.0, 0, False)]


def test_one_file_is_repainted_by_the_generator_that_won(clip: Path, tmp_path: Path, adapter: FakeAdapter,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeAdapter, "winners", {"speaker"})
    used: list[str] = []

    def render(self: OwnLipSyncer, *arguments: Any, **named: Any) -> Any:
        used.append(self.weights.name)
        return FakeLipSyncer().render(*arguments, **named)

    monkeypatch.setattr(OwnLipSyncer, "render", render)
    done = lipsync_file.lipsync(clip, clip, tmp_path / "out.mp4", adapt=True)
    assert used == ["generator.safetensors"] and done.backend == "own" and done.notes[0] == WON


def test_what_cannot_be_adapted_to_is_told_at_once(clip: Path, tmp_path: Path, adapter: FakeAdapter,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    still = tmp_path / "still.png"
    still.write_bytes(b"")
    out = ("--out", tmp_path / "out.mp4", "--adapt")
    for arguments, sentence in (((still, clip, *out), "still picture"),
                                ((clip, clip, *out, "--backend", "wav2lip"), "is to be wav2lip"),
                                ((clip, clip, *out, "--adapt-minutes", "0"), "0")):
        code, _, err = call(capsys, *arguments)
        assert code and sentence in err and "Traceback" not in err
    assert not adapter.asked


# the engine -----------------------------------------------------------------------------------------------------------


def test_our_own_engine_is_listed_and_never_chosen_by_itself(tmp_path: Path) -> None:
    engine = registry.create("lipsync", "own")
    assert (engine.id, engine.licence, engine.is_fake, engine.on_request_only) == ("own", "Apache-2.0", False, True)
    assert "own" in registry.names("lipsync")
    one, other = (OwnLipSyncer(write_tiny(tmp_path / name, **card)) for name, card in (
        ("a.safetensors", {}), ("b.safetensors", {"name": "another"})))
    assert one.version != other.version and one.version.startswith("1-")


def test_weights_that_are_missing_or_damaged_are_told_in_a_sentence(tmp_path: Path,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    from lipsync_core.neural import weights

    if (reason := registry.create("lipsync", "atlas").why_unavailable()) is not None:
        pytest.skip(reason)
    monkeypatch.setattr(weights, "EMBEDDED", tmp_path / "generator_96.safetensors")
    reason = OwnLipSyncer().why_unavailable() or ""
    assert reason.startswith("The generator's weights did not come with this installation (generator_96.safetensors).")
    assert "--checkpoint" in reason and OwnLipSyncer().version == "1"
    with pytest.raises(UnavailableError, match="did not come"):
        registry.choose("lipsync", "own")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"x" * 500)
    assert "damaged" in (OwnLipSyncer(damaged).why_unavailable() or "")
    with pytest.raises(UnavailableError, match="cannot be used"):
        OwnLipSyncer(damaged).load()
    assert OwnLipSyncer(write_tiny(tmp_path / "good.safetensors")).why_unavailable() is None


def test_the_catalogue_names_our_own_weights_as_they_are() -> None:
    """Whoever trains them anew writes size and sha256 anew: ``dubbing models verify`` must not call them damaged."""
    from dubbing.weights.store import Store

    store = Store(offline=True)
    own = [entry for entry in store.entries() if entry.package == "lipsync_core"]
    assert own and all(entry.licence == "Apache-2.0" and entry.commercial_use is True for entry in own)
    for entry in own:
        assert [found.state for found in store.verify(entry.name)] == ["ok"], entry.name
