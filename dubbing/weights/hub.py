"""Models from the model hub, through huggingface_hub, with one revision and short timeouts."""

from __future__ import annotations

import fnmatch
import os
import threading
import time
from pathlib import Path
from typing import Any

from dubbing.engines.base import Report
from dubbing.errors import UnavailableError
from dubbing.weights.catalog import Entry
from dubbing.weights.integrity import sha256_of

_PROBE_S = 4.0
_REMEMBER_S = 120.0
_probe: dict[str, float | bool] = {}
_probe_lock = threading.Lock()


def hub_answers() -> bool:
    """Whether the hub can be reached; takes at most four seconds and remembers the answer for two minutes.

    The question runs in a thread of its own because a name server that does not answer ignores time limits.
    """
    with _probe_lock:
        if time.monotonic() - float(_probe.get("at", -_REMEMBER_S)) < _REMEMBER_S:
            return bool(_probe["answer"])
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(_ask()), daemon=True)
        thread.start()
        thread.join(_PROBE_S)
        _probe.update(at=time.monotonic(), answer=bool(answers and answers[0]))
        return bool(_probe["answer"])


def _ask() -> bool:
    import urllib.error
    import urllib.request

    address = os.environ.get("HF_ENDPOINT") or _endpoint()
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=_PROBE_S):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, ValueError):
        return False


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def token() -> str:
    """The token of whoever runs this program, for models that are given to people who accepted terms; "" for none."""
    from dubbing.config import load_settings

    return load_settings().hub_token.get_secret_value() or os.environ.get("HF_TOKEN", "")


def build(entry: Entry, folder: Path, report: Report) -> dict[str, str]:
    """Download the repository of ``entry`` into ``folder``; returns sha256 by path. Raises UnavailableError."""
    if not hub_answers():
        raise UnavailableError(f"{entry.name} cannot be fetched: the model hub does not answer.",
                               f"Check the network, then run `dubbing models pull {entry.name}`.")
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.utils import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        own = token() or None
        info = HfApi(token=own).model_info(entry.repo, revision=entry.revision, files_metadata=True, timeout=20)
        files = [file for file in info.siblings or () if _wanted(entry, file.rfilename)]
        files = _one_form_of_weights(files)
        total, done = sum(file.size or 0 for file in files), 0
        for file in files:
            report(done, total, f"{entry.name}: downloading {file.rfilename}")
            hf_hub_download(entry.repo, file.rfilename, revision=info.sha, local_dir=folder, etag_timeout=20,
                            token=own)
            done += file.size or 0
    except GatedRepoError as error:
        raise UnavailableError(f"{entry.name} is given only to people who accepted its conditions.",
                               entry.note) from error
    except RepositoryNotFoundError as error:
        raise UnavailableError(f"The model hub does not know {entry.repo}.", "Choose another model.") from error
    except (HfHubHTTPError, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnavailableError(f"{entry.name} cannot be downloaded: {first}",
                               "Check the network and try again.") from error
    if not files:
        raise UnavailableError(f"The repository {entry.repo} holds none of the files of {entry.name}.",
                               "Update the program.")
    report(total, total, f"{entry.name}: checking")
    return {file.rfilename: _checked(entry, folder, file) for file in files}


def _wanted(entry: Entry, path: str) -> bool:
    inside = not path.startswith((".", "/")) and ".." not in path
    return inside and (not entry.allow or any(fnmatch.fnmatch(path, pattern) for pattern in entry.allow))


def _one_form_of_weights(files: list[Any]) -> list[Any]:
    """Where the same weights are there as safetensors, the pickled form is not downloaded."""
    if any(file.rfilename == "model.safetensors" for file in files):
        return [file for file in files if file.rfilename != "pytorch_model.bin"]
    return files


def _checked(entry: Entry, folder: Path, file: Any) -> str:
    digest = sha256_of(folder / file.rfilename)
    expected = {known.path: known.sha256 for known in entry.files}.get(file.rfilename) \
        or (file.lfs and file.lfs["sha256"])
    if expected and digest != expected:
        raise UnavailableError(f"The download of {entry.name} is damaged: {file.rfilename} has another sha256.",
                               "Try again.")
    return digest
