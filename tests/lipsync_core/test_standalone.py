"""The library as others get it: its own wheel, alone in an empty folder, without the workspace around it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from shutil import copytree, ignore_patterns

import av
import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lipsync_core
from lipsync_core.face.video import VideoSource

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "lipsync_core"
CARTOON = Path(__file__).with_name("cartoon.py")
SETTINGS = tomllib.loads((CORE / "pyproject.toml").read_text())
LEFTOVERS = ignore_patterns("__pycache__", "build", "dist", "*.egg-info")

# Runs isolated (-I): neither the repository nor PYTHONPATH is on the path, only the unpacked wheel is put there.
ALONE = """
import importlib.abc, importlib.util, pkgutil, sys
from pathlib import Path

wheel, cartoon_file, work = (Path(a) for a in sys.argv[1:])

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"dubbing", "ui", "samples", "migrations", "tests", "bench", "scripts"}:
            raise AssertionError(f"the library asked for {name}")
        return None

sys.meta_path.insert(0, Blocked())
sys.path.insert(0, str(wheel))
before = set(sys.modules)
import lipsync_core
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
assert loaded <= sys.stdlib_module_names | {"lipsync_core"}, loaded
assert Path(lipsync_core.__file__) == wheel / "lipsync_core" / "__init__.py"

has_triton = importlib.util.find_spec("triton") is not None
def failed(name):
    raise
for module in pkgutil.walk_packages(lipsync_core.__path__, "lipsync_core.", onerror=failed):
    needs_triton = module.name.endswith((".kernel", ".gather_gemm"))
    if not module.name.endswith("__main__") and (has_triton or not needs_triton):
        importlib.import_module(module.name)
        print("imported", module.name)

import numpy as np
from lipsync_core import AtlasLipSync, Line, Span, articulate, listen, read_patches
spec = importlib.util.spec_from_file_location("cartoon", cartoon_file)
cartoon = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cartoon)
folders = [work / name for name in ("tracks", "models", "patches")]
for folder in folders:
    folder.mkdir()
tracks, models, patches = folders
video, points = work / "clip.mp4", cartoon.talking(40)
cartoon.write_video(video, points)
cartoon.analysis_of(points, np.arange(40) * 40.0).save(tracks / "faces.npz")

# A buzz that is switched on and off: two voiced stretches between silences.
t = np.arange(16000) / 16000
buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20)) * ((t % 0.5) > 0.2) * 0.1
heard = listen(buzz.astype(np.float32), 16000)
mouth = articulate(heard, np.arange(0, 1000, 40.0), sound=buzz, sample_rate=16000)
assert len(heard) >= 3 and mouth.opening[t[::640] % 0.5 > 0.3].mean() > mouth.opening[t[::640] % 0.5 < 0.1].mean()

engine = AtlasLipSync(work)
assert engine.model(video, tracks, [Span("ana", 0, 1600)], models)["ana"]
done = engine.render(video, tracks, models, Line("ana", 200.0, heard, 200.0, 1200.0), patches)
assert done.frames == len(list(read_patches(patches))) == 25, done
print("rendered", done.frames)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network from a copy: nothing is written beside the sources."""
    root = tmp_path_factory.mktemp("wheel")
    copytree(CORE, root / "lipsync_core", ignore=LEFTOVERS)
    # The hook that pip itself calls, without pip's second of resolving.
    hook = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    built = subprocess.run([sys.executable, "-c", hook, root], capture_output=True, text=True,
                           cwd=root / "lipsync_core")
    assert built.returncode == 0, built.stderr
    return next(root.glob("lipsync_core-*.whl"))


def test_the_wheel_holds_every_module_and_the_data_it_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {p.relative_to(ROOT).as_posix() for p in CORE.rglob("*.py") if "build" not in p.parts}
    data = {p.relative_to(ROOT).as_posix() for pattern in ("speech/weights/*", "ops/tuning/*.json", "train/weights/*",
                                                           "train/configs/*.toml") for p in CORE.glob(pattern)}
    assert modules | data <= names, (modules | data) - names
    assert {n for n in names if n.endswith(".py")} == modules
    assert "lipsync_core/speech/weights/phones_mel.safetensors" in names
    assert f"lipsync_core-{lipsync_core.__version__}-" in wheel.name


def test_the_wheel_alone_hears_and_repaints(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "wheel").mkdir()
    (tmp_path / "work").mkdir()
    zipfile.ZipFile(wheel).extractall(tmp_path / "wheel")
    ran = subprocess.run([sys.executable, "-I", "-c", ALONE, tmp_path / "wheel", CARTOON, tmp_path / "work"],
                         capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "rendered 25" in ran.stdout and "imported lipsync_core.metrics.reenact" in ran.stdout


def test_whatever_is_imported_is_declared() -> None:
    extras = [r for group in SETTINGS["project"]["optional-dependencies"].values() for r in group]
    declared = {canonicalize_name(Requirement(r).name) for r in SETTINGS["project"]["dependencies"] + extras}
    providers = packages_distributions()
    for path in (p for p in CORE.rglob("*.py") if "build" not in p.parts):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            for top in {m.split(".")[0] for m in modules} - sys.stdlib_module_names - {"lipsync_core"}:
                offered = {canonicalize_name(name) for name in providers.get(top, [top])}
                assert offered & declared, f"{path.relative_to(ROOT)} imports {top}"


def test_every_public_name_is_there_and_nothing_else_is() -> None:
    for name in lipsync_core.__all__:
        assert getattr(lipsync_core, name) is not None and name in dir(lipsync_core)
    assert lipsync_core.listen is import_module("lipsync_core.speech.listen").listen
    with pytest.raises(AttributeError, match="nothing_like_it"):
        lipsync_core.nothing_like_it  # noqa: B018


def test_the_workspace_ships_the_same_data() -> None:
    """Each package-data line of the library stands in the workspace's settings, too."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package, patterns in SETTINGS["tool"]["setuptools"]["package-data"].items():
        assert workspace[package] == patterns


@pytest.mark.real
def test_the_example_of_the_readme_repaints_a_clip(tmp_path: Path) -> None:
    from dubbing.weights.store import Store

    code = re.search(r"```python\n(.*?)```", (CORE / "README.md").read_text(), re.S)
    assert code is not None
    (tmp_path / "repaint.py").write_text(code[1])
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    _first_seconds(ROOT / "samples" / "es_solo.mp4", clip, 1.6)
    ran = subprocess.run([sys.executable, tmp_path / "repaint.py", clip, clip, out],
                         capture_output=True, text=True, cwd=tmp_path, env=os.environ | {
                             "LIPSYNC_MODELS": str(Store().fetch("mediapipe-face")), "PYTHONPATH": str(ROOT)})
    assert ran.returncode == 0, ran.stderr[-3000:]
    count = re.match(r"Rendered\(frames=(\d+)", ran.stdout)
    before, after = ([p.y.astype(float) for p in VideoSource(path).frames()] for path in (clip, out))
    assert len(before) == len(after) and count is not None and int(count[1]) > 0.8 * len(before)
    changed = np.mean([np.abs(a - b) for a, b in zip(before, after, strict=True)], axis=0)
    height = len(changed)
    assert changed[: height // 8].mean() < 1.5 < changed.max() / 4


def _first_seconds(source: Path, out: Path, seconds: float) -> None:
    """Picture and sound of the start of a file, as they are."""
    with av.open(str(source)) as given, av.open(str(out), "w") as cut:
        copies = {s.index: cut.add_stream_from_template(s) for s in (given.streams.video[0], given.streams.audio[0])}
        for packet in given.demux(*(given.streams[i] for i in copies)):
            if packet.dts is not None and float(packet.dts * packet.time_base) < seconds:
                packet.stream = copies[packet.stream.index]
                cut.mux(packet)
