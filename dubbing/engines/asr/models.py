"""Which Whisper to load: by a short name, a name of the catalog, a folder, or the best that is here."""

from __future__ import annotations

from pathlib import Path

from dubbing.errors import UnavailableError
from dubbing.weights.store import Store

AUTO = "auto"
EMBEDDED = "whisper-base"
#: Short names, as faster-whisper calls its models.
SHORT = {
    "base": EMBEDDED,
    "small": "faster-whisper-small",
    "medium": "faster-whisper-medium",
    "large": "faster-whisper-large-v3",
    "large-v3": "faster-whisper-large-v3",
    "turbo": "faster-whisper-large-v3-turbo",
    "large-v3-turbo": "faster-whisper-large-v3-turbo",
    "distil": "faster-distil-whisper-large-v3",
    "distil-large-v3": "faster-distil-whisper-large-v3",
}
#: What "auto" takes of the models that were pulled, best first. Beyond "turbo" a processor is slower than the speech,
#: so that the larger ones are taken there on request alone.
_BEST_ON_GPU = ("faster-whisper-large-v3", "faster-whisper-large-v3-turbo", "faster-whisper-medium",
                "faster-whisper-small")
_BEST_ON_CPU = ("faster-whisper-large-v3-turbo", "faster-whisper-small")
#: Models that were trained on one language.
_ONE_LANGUAGE = {"faster-distil-whisper-large-v3": "en"}
#: Bytes of a loaded model over those of its float16 weights: int8 on a processor, as they are on a GPU.
_INT8, _FLOAT16 = 0.6, 1.15
_REST_MB = 250
_WEIGHTS = "model.bin"


def wanted() -> str:
    """What the settings ask for."""
    from dubbing.config import load_settings

    return load_settings().recognition_model or AUTO


def resolve(name: str) -> str:
    """The folder or the catalog's name of what was asked for."""
    return name if is_folder(name) else SHORT.get(name, name)


def is_folder(name: str) -> bool:
    return Path(name).is_dir()


def best(store: Store, has_gpu: bool) -> str:
    """The best model that is here and that this machine runs in reasonable time; else the embedded one."""
    for name in _BEST_ON_GPU if has_gpu else _BEST_ON_CPU:
        if store.find(name) is not None:
            return name
    return EMBEDDED


def label(chosen: str) -> str:
    """What tells one model from another in an artifact's key: a folder by its name and the size of its weights."""
    if not is_folder(chosen):
        return chosen
    weights = Path(chosen) / _WEIGHTS
    return f"{Path(chosen).name}-{weights.stat().st_size if weights.is_file() else 0}"


def why_unavailable(chosen: str, store: Store) -> str | None:
    """None when the model is here or can be fetched, else one sentence."""
    if is_folder(chosen):
        return None if (Path(chosen) / _WEIGHTS).is_file() else \
            f"{chosen} holds no {_WEIGHTS}: it is no Whisper in CTranslate2's form."
    try:
        return store.why_unavailable(chosen)
    except UnavailableError:
        return f"{chosen} is neither a Whisper model that is known here nor a folder."


def check_language(chosen: str, language: str | None) -> None:
    """Raises UnavailableError for a model that knows only another language; an unknown one is taken for its own."""
    only = _ONE_LANGUAGE.get(chosen)
    if only is not None and language not in (None, only):
        raise UnavailableError(f"The recognition model {chosen} knows {only} alone.",
                               "Choose another recognition model, such as turbo.")


def memory_mb(chosen: str, on_gpu: bool) -> int:
    """What a loaded model takes in memory, roughly."""
    from dubbing.weights.catalog import load_catalog, lookup

    if is_folder(chosen):
        weights = Path(chosen) / _WEIGHTS
        size = weights.stat().st_size if weights.is_file() else 0
    else:
        try:
            size = lookup(load_catalog(), chosen).size_bytes
        except UnavailableError:
            size = 0
    return round(size * (_FLOAT16 if on_gpu else _INT8) / 1e6) + _REST_MB
