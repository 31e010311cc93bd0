"""Voices of a speaker: what they are called, choosing one, and hearing it before anything is made with it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from dubbing.domain.project import JobStatus
from dubbing.domain.workspace import ProjectCard, SpeakerView, VoiceOption
from dubbing.errors import DubbingError
from ui.session import desk
from ui.text import language_name, t
from ui.urls import file_url
from ui.widgets.errors import escaped, flash, told
from ui.widgets.media import sound
from ui.widgets.progress import follow, is_active
from ui.widgets.remarks import remark

#: Nobody has chosen; the list needs a word for it, as None is what an empty list would give.
_MACHINE = ""
_GENDERS = frozenset({"female", "male"})
#: A voice moved in pitch and timbre, as takes name it.
_SHIFTED = re.compile(r"(.+?)([+-]\d+\.\d)st\*\d+\.\d+")


def voice_words(option: VoiceOption) -> str:
    """A voice for a list: its name, what it sounds like, its engine and id, and that it clones."""
    gender = t(f"speakers.voice.{option.gender}") if option.gender in _GENDERS else ""
    clones = t("speakers.voice.clones") if option.clones else ""
    parts = (_short(option.name or option.id), gender, f"{option.engine} {option.id}", clones)
    return " · ".join(part for part in parts if part)


def _place(option: VoiceOption) -> str:
    """What tells a voice from all others."""
    return f"{option.engine}/{option.id}"


def voice_of(options: Sequence[VoiceOption], wanted: VoiceOption | None) -> VoiceOption | None:
    """The option that is ``wanted`` by engine and id; ``wanted`` itself where the engine has it no longer."""
    if wanted is None:
        return None
    return next((one for one in options if (one.engine, one.id) == (wanted.engine, wanted.id)), wanted)


def voice_choice(card: ProjectCard, language: str, speaker: SpeakerView, options: Sequence[VoiceOption], text: str, *,
                 may_assign: bool, may_run: bool) -> None:
    """Choose a voice for a speaker in a language, and hear it."""
    assigned = voice_of(options, speaker.voices.get(language))
    own = [assigned] if assigned is not None and assigned not in options else []
    offered = {_place(one): one for one in (*own, *options)}
    chosen = offered.get(st.selectbox(
        t("speakers.voice.label", language=language_name(language)), [_MACHINE, *offered],
        index=list(offered).index(_place(assigned)) + 1 if assigned else 0,
        format_func=lambda one: t("speakers.voice.machine") if one == _MACHINE else voice_words(offered[one]),
        key=f"voice_{speaker.id}_{language}_{assigned.engine if assigned else ''}_{assigned.id if assigned else ''}",
        disabled=not may_assign, help=None if may_assign else t("speakers.voice.forbidden")))
    heard = speaker.heard.get(language, "")
    remark(t("speakers.voice.heard", voice=escaped(heard_words(heard))) if heard else t("speakers.voice.not_heard"))
    trial = chosen or heard_option(options, heard, language)
    with st.container(horizontal=True, vertical_alignment="center"):
        if chosen != assigned and st.button(t("speakers.voice.assign"), key=f"assign_{speaker.id}", type="primary",
                                            icon=":material/check:"):
            _assign(card, speaker, language, chosen)
        if st.button(t("speakers.voice.audition"), key=f"audition_{speaker.id}", icon=":material/hearing:",
                     disabled=trial is None or not may_run,
                     help=t("speakers.voice.audition_help" if may_run else "common.job.may_not_run")):
            _audition(card, speaker, language, trial, text)
    _sample(card, speaker, may_run)


def heard_words(voice: str) -> str:
    """A voice as takes name it: "jm_kumo-0.4st*0.95" is "Kumo (jm_kumo), 0.4 semitones lower"."""
    match = _SHIFTED.fullmatch(voice)
    name = match[1] if match else voice
    shown = f"{_short(name)} ({name})" if _short(name) != name else name
    if match is None or not float(match[2]):
        return shown
    semitones = float(match[2])
    return t("speakers.voice.higher" if semitones > 0 else "speakers.voice.lower", voice=shown, by=abs(semitones))


def heard_option(options: Sequence[VoiceOption], heard: str, language: str) -> VoiceOption | None:
    """The voice that is heard now, shifted as it is, as one that can be auditioned."""
    base = heard.partition("+")[0].partition("-")[0]
    known = next((one for one in options if one.id == base), None)
    return None if known is None else VoiceOption(known.engine, heard, known.name, language, known.gender)


def _short(voice: str) -> str:
    """The name in a voice's id: "af_heart" is "Heart"; another id is a name itself."""
    return voice.partition("_")[2].capitalize() or voice


def _assign(card: ProjectCard, speaker: SpeakerView, language: str, chosen: VoiceOption | None) -> None:
    with told() as outcome:
        desk().speakers.assign_voice(card.id, speaker.id, language, chosen)
    if outcome.is_ok:
        flash(t("speakers.voice.assigned", speaker=speaker.name))
        st.rerun()


def _audition(card: ProjectCard, speaker: SpeakerView, language: str, chosen: VoiceOption | None, text: str) -> None:
    if chosen is None:
        return
    with told():
        job = desk().jobs.audition(card.id, language, chosen.engine, chosen.id, text.strip())
        words = heard_words(chosen.id) if _SHIFTED.fullmatch(chosen.id) else voice_words(chosen)
        st.session_state[_key(card, speaker)] = (job.id, words, False)


def _sample(card: ProjectCard, speaker: SpeakerView, may_run: bool) -> None:
    """The audition that was asked for last: its progress, then its sound, which plays by itself once."""
    asked = st.session_state.get(_key(card, speaker))
    if asked is None:
        return
    try:
        job = desk().jobs.get(asked[0])
    except DubbingError:  # it was cleaned away meanwhile
        del st.session_state[_key(card, speaker)]
        return
    if is_active(job) or job.status is not JobStatus.DONE:
        follow(job, may_run=may_run)
        return
    remark(escaped(asked[1]))
    sound(file_url(card.id, "audition", job.id), t("speakers.voice.sample_of", voice=asked[1]), plays=not asked[2])
    st.session_state[_key(card, speaker)] = (asked[0], asked[1], True)


def _key(card: ProjectCard, speaker: SpeakerView) -> str:
    return f"audition_of_{card.id}_{speaker.id}"
