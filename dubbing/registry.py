"""Engine name -> class, imported only when asked for.

Third parties add engines through entry points in the group ``dubbing.<kind>``. ``auto`` takes the first of
a kind that can run now, in the order given here: best first. A fake, and an engine that says that it runs on
request only, is never chosen by ``auto``.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from dubbing.engines.base import Engine
from dubbing.errors import UnavailableError, UsageError
from dubbing.memory import why_too_large

#: kind -> name -> "module:class", best first.
BUILT_IN: dict[str, dict[str, str]] = {
    "asr": {
        "whisperx": "dubbing.engines.asr.whisperx:WhisperXRecognizer",
        "fake": "dubbing.engines.asr.fake:FakeRecognizer",
    },
    "diarize": {
        "community-1": "dubbing.engines.diarize.community:CommunityDiarizer",
        "pyannote": "dubbing.engines.diarize.pyannote:PyannoteDiarizer",
        "fake": "dubbing.engines.diarize.fake:FakeDiarizer",
    },
    "translate": {
        "openai": "dubbing.engines.translate.openai_chat:OpenAITranslator",
        "transformers": "dubbing.engines.translate.transformers_mt:TransformersTranslator",
        "bergamot": "dubbing.engines.translate.bergamot:BergamotTranslator",
        "whisper": "dubbing.engines.translate.whisper:WhisperTranslator",
        "bridge": "dubbing.relay:BridgeTranslator",
        "apertium": "dubbing.engines.translate.apertium:ApertiumTranslator",
        "relay": "dubbing.relay:RelayTranslator",
        "fake": "dubbing.engines.translate.fake:FakeTranslator",
    },
    "tts": {
        "coqui": "dubbing.engines.tts.coqui:CoquiSynthesizer",
        "embedded": "dubbing.engines.tts.embedded:EmbeddedSynthesizer",
        "kokoro": "dubbing.engines.tts.kokoro:KokoroSynthesizer",
        "hibari": "dubbing.engines.tts.hibari:HibariSynthesizer",
        "fake": "dubbing.engines.tts.fake:FakeSynthesizer",
    },
    "separate": {
        "demucs": "dubbing.engines.separate.demucs:DemucsSeparator",
        "spleeter": "dubbing.engines.separate.spleeter:SpleeterSeparator",
        "deepfilter": "dubbing.engines.separate.deepfilter:DeepFilterSeparator",
        "fake": "dubbing.engines.separate.fake:FakeSeparator",
    },
    "lipsync": {
        "atlas": "dubbing.engines.lipsync.atlas:AtlasLipSyncer",
        "own": "dubbing.engines.lipsync.own:OwnLipSyncer",
        "wav2lip": "dubbing.engines.lipsync.wav2lip:Wav2LipSyncer",
        "fake": "dubbing.engines.lipsync.fake:FakeLipSyncer",
    },
}

KINDS = tuple(BUILT_IN)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One row of ``dubbing engines``."""

    kind: str
    name: str
    licence: str
    is_fake: bool
    is_available: bool
    why_unavailable: str | None


@cache
def _offered(kind: str) -> dict[str, str]:
    found = dict(BUILT_IN[kind])
    for point in entry_points(group=f"dubbing.{kind}"):
        found.setdefault(point.name, point.value)
    return found


def names(kind: str) -> tuple[str, ...]:
    """The engine names of a kind, best first."""
    return tuple(_offered(kind))


@cache
def create(kind: str, name: str, **given: str) -> Any:
    """The engine of this name; one instance a process, so that a loaded model is found again.

    given: what this engine alone takes, such as the path of its checkpoint.
    """
    try:
        target = _offered(kind)[name]
    except KeyError:
        raise UsageError(f"There is no {kind} engine called {name}.",
                         f"Choose one of: {', '.join(names(kind))}.") from None
    module, _, attribute = target.partition(":")
    engine_class = getattr(importlib.import_module(module), attribute)
    if given.keys() - inspect.signature(engine_class).parameters.keys():
        raise UsageError(f"The {kind} engine {name} takes no {' or '.join(given)}.", "Leave that out.")
    return engine_class(**given)


def choose(kind: str, wanted: str = "auto", **given: str | None) -> Any:
    """The engine to use: the wanted one, or with ``auto`` the best that can run. Raises UnavailableError.

    given: as for ``create``; None is as good as left out.
    """
    own = {name: value for name, value in given.items() if value is not None}
    if wanted != "auto":
        engine = create(kind, wanted, **own)
        if (reason := engine.why_unavailable()) is not None:
            raise UnavailableError(f"The {kind} engine {wanted} cannot run: {reason}",
                                   "`dubbing engines` lists what can.")
        return engine
    reasons = []
    for name in names(kind):
        engine = create(kind, name)
        if engine.is_fake or getattr(engine, "on_request_only", False):
            continue
        if (reason := why_not_here(engine)) is None:
            return engine
        reasons.append(f"{name}: {reason}")
    raise UnavailableError(f"No {kind} engine can run here ({'; '.join(reasons)}).",
                           "`dubbing doctor` says what is missing.")


def why_not_here(engine: Any) -> str | None:
    """Why ``auto`` does not take an engine: it cannot run, or it takes more memory than models may; None if it can."""
    return engine.why_unavailable() or why_too_large(engine)


def why_not_better(kind: str, chosen: str) -> list[str]:
    """One line for every engine that would have come before ``chosen``, had it been able to run."""
    lines = []
    for name in names(kind):
        if name == chosen:
            break
        engine = create(kind, name)
        if getattr(engine, "on_request_only", False):
            continue
        if not engine.is_fake and (reason := why_not_here(engine)) is not None:
            lines.append(f"{kind}: {chosen} is used; {name} would be better. {reason}")
    return lines


def left_out(wanted: Mapping[str, str]) -> list[str]:
    """One line for every engine that could run but takes too much memory; ``wanted``: kind -> what was asked for."""
    lines = []
    for kind in (kind for kind, name in wanted.items() if name == "auto"):
        for name in names(kind):
            engine = create(kind, name)
            if engine.is_fake or getattr(engine, "on_request_only", False) or engine.why_unavailable() is not None:
                continue
            if (reason := why_too_large(engine)) is not None:
                lines.append(f"{kind}: {name} is left out. {reason}")
    return lines


def translators(source: str, target: str) -> list[Any]:
    """Every translator that can do this pair now, best first."""
    engines = [create("translate", name) for name in names("translate")]
    return [e for e in engines if not e.is_fake and why_not_here(e) is None and e.supports(source, target)]


def choose_translator(source: str, target: str, wanted: str = "auto") -> Any:
    """The translator for a language pair; with ``auto`` the best one that supports it now."""
    if wanted != "auto":
        engine = choose("translate", wanted)
        if not engine.supports(source, target):
            raise UnavailableError(f"The translator {wanted} does not translate {source} into {target}.",
                                   "Choose another with --translator, or type the translations yourself.")
        return engine
    able = translators(source, target)
    if able:
        return able[0]
    raise UnavailableError(
        f"No translator for {source} into {target} is installed.",
        "`make apertium` adds English-Spanish; `dubbing models pull opus-mt-"
        f"{source}-{target}` adds a neural one when a model hub can be reached; "
        "or give the texts yourself with `dubbing project set`.")


def check_targets(targets: Sequence[str], synthesizer: str, source: str | None, translator: str) -> None:
    """Fail before anything is computed when no engine speaks a target or, as far as can be known, translates to it."""
    engine = choose("tts", synthesizer)
    for language in targets:
        if language not in engine.languages():
            raise UnavailableError(f"The voice engine {engine.id} does not speak {language} intelligibly.",
                                   f"It speaks {', '.join(engine.languages())}.")
        if translator != "auto" and source is not None:
            choose_translator(source, language, translator)


def check_voice(kind_engine: Any, language: str, voice: str) -> None:
    """Raise UsageError when an engine has no such voice in a language; ``voice`` may carry a shift."""
    offered = [v.id for v in kind_engine.voices(language)]
    if not any(voice == name or voice.startswith((f"{name}+", f"{name}-", f"{name}*")) for name in offered):
        raise UsageError(f"{kind_engine.id} has no voice {voice} for {language}.",
                         f"Choose one of: {', '.join(offered)}.")


def status() -> list[EngineStatus]:
    """Every engine of every kind, with what it lacks."""
    rows = []
    for kind in KINDS:
        for name in names(kind):
            engine: Engine = create(kind, name)
            reason = engine.why_unavailable()
            rows.append(EngineStatus(kind, name, engine.licence, engine.is_fake, reason is None, reason))
    return rows
