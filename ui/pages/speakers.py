"""Speakers and voices: who is heard, in which voice they are dubbed, and what they allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.series import SpeakerMatch
from dubbing.domain.workspace import LineQuery, ProjectCard, SpeakerView, VoiceOption
from ui.session import desk, open_project
from ui.text import language_name, t
from ui.urls import file_url
from ui.widgets import dialogs
from ui.widgets.badges import badge
from ui.widgets.choices import told_apart
from ui.widgets.consents import consent_records, consent_words, standing, standing_badge, today
from ui.widgets.errors import escaped, flash, nothing_here, told
from ui.widgets.known_speakers import known_from_series
from ui.widgets.line_lists import all_lines
from ui.widgets.media import sound
from ui.widgets.place import may
from ui.widgets.remarks import preparing, remark
from ui.widgets.review_data import number
from ui.widgets.times import length, span
from ui.widgets.voices import voice_choice


def page() -> None:
    """The page; the shell says so where no project is open."""
    st.title(t("shell.page.speakers"))
    here = open_project()
    if here is None:
        return
    card, language = here
    speakers = desk().speakers.all(card.id)
    if not speakers:
        nothing_here(t("speakers.empty"), t("speakers.empty_hint"), ":material/record_voice_over:")
    demanded = desk().projects.settings(card.id).consent_required
    people, consents = st.tabs([t("speakers.tab", n=len(speakers)), t("speakers.consent.tab")])
    with people, told():
        if speakers:
            _speakers(card, language, speakers, demanded)
    with consents, told():
        if may(Action.MANAGE_CONSENT, card):
            consent_records(card, speakers)
        else:
            st.info(t("speakers.consent.forbidden"), icon=":material/lock:")


def _speakers(card: ProjectCard, language: str, speakers: Sequence[SpeakerView], demanded: bool) -> None:
    _blocked(speakers, demanded)
    options = desk().speakers.voices(card.id, language) if language else []
    text = ""
    if options:
        text = st.text_input(t("speakers.voice.text", language=language_name(language)), key="audition_text",
                             placeholder=t("speakers.voice.text_hint"), max_chars=300, width=640)
    _stale(card, language)
    if not any(one.has_sample for one in speakers):
        preparing(card, t("speakers.prepare"))
    versions = desk().files.versions(card.id)
    spoken_ms = sum(one.speech_ms for one in speakers)
    known = desk().series.matches(card.id)
    for speaker in speakers:
        _speaker(card, language, speaker, speakers, options, text, demanded, spoken_ms, versions, known)


def _blocked(speakers: Sequence[SpeakerView], demanded: bool) -> None:
    """Say what cannot be done for want of consent, and what would change that."""
    if not demanded:
        remark(t("speakers.consent.not_demanded"), "info")
        return
    for use, names in (("voice", [one.name for one in speakers if not one.voice_allowed]),
                       ("face", [one.name for one in speakers if not one.face_allowed])):
        if names:
            st.warning(t(f"speakers.consent.blocked.{use}", names=escaped(", ".join(names))), icon=":material/block:")


def _stale(card: ProjectCard, language: str) -> None:
    """Offer to speak again what no longer fits its text or voice."""
    stale = next((one.stale for one in card.progress if one.language == language), 0)
    if not stale:
        return
    allowed = may(Action.EDIT_DUB, card, language)
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":material/update: {t('speakers.stale', n=stale)}")
        if st.button(t("speakers.stale_again"), icon=":material/graphic_eq:", disabled=not allowed,
                     help=None if allowed else t("common.job.may_not_run")):
            with told() as outcome:
                jobs = desk().jobs.takes_for_stale(card.id, language)
            if outcome.is_ok:
                flash(t("speakers.stale_asked", n=len(jobs)))
                st.rerun()


def _speaker(card: ProjectCard, language: str, speaker: SpeakerView, speakers: Sequence[SpeakerView],
             options: Sequence[VoiceOption], text: str, demanded: bool, spoken_ms: int,
             versions: Mapping[str, str], known: Sequence[SpeakerMatch]) -> None:
    with st.container(border=True, key=f"speaker_{speaker.id}"):
        who, voice, consent = st.columns([5, 5, 4], gap="medium")
        with who:
            _who(card, speaker, spoken_ms, versions)
            known_from_series(card, speaker, known)
            _merge_and_split(card, language, speaker, speakers)
        with voice:
            if language:
                voice_choice(card, language, speaker, options, text, may_assign=may(Action.EDIT_DUB, card, language),
                             may_run=may(Action.RUN, card, language))
                _other_languages(card, language, speaker)
        with consent:
            _consent(card, speaker, demanded)


def _who(card: ProjectCard, speaker: SpeakerView, spoken_ms: int, versions: Mapping[str, str]) -> None:
    """Name, character, how much they speak, and how they sound."""
    allowed = may(Action.EDIT_TRANSCRIPT, card)
    name_place, character_place = st.columns(2)
    name = name_place.text_input(t("speakers.name"), speaker.name, disabled=not allowed,
                                 key=f"speaker_name_{speaker.id}_{speaker.name}", max_chars=100)
    character = character_place.text_input(t("speakers.character"), speaker.character, disabled=not allowed,
                                           key=f"speaker_character_{speaker.id}_{speaker.character}", max_chars=100,
                                           placeholder=t("speakers.character_hint"))
    if allowed and name.strip() and (name.strip(), character.strip()) != (speaker.name, speaker.character):
        with told() as outcome:
            desk().speakers.rename(card.id, speaker.id, name.strip(), character.strip())
        if outcome.is_ok:
            flash(t("common.saved"))
            st.rerun()
    share = speaker.speech_ms / spoken_ms if spoken_ms else 0.0
    remark(t("speakers.amount", lines=t("common.lines.count", n=speaker.lines),
             length=length(speaker.speech_ms / 1000), share=f"{share:.0%}"))
    if speaker.has_sample:
        sound(file_url(card.id, "speaker", speaker.id, v=versions.get(f"speaker/{speaker.id}", "")),
              t("speakers.sample_of", name=speaker.name))
    else:
        remark(t("speakers.no_sample"), "volume_off")


def _other_languages(card: ProjectCard, language: str, speaker: SpeakerView) -> None:
    others = [f"{language_name(code)}: {escaped(voice)}" for code in card.targets if code != language
              and (voice := speaker.voices[code].name if code in speaker.voices else speaker.heard.get(code, ""))]
    if others:
        remark(t("speakers.voice.others", voices=" · ".join(others)))


# consent of one speaker -------------------------------------------------------------------------------------------


def _consent(card: ProjectCard, speaker: SpeakerView, demanded: bool) -> None:
    st.markdown(f"{_allowed_badge('voice', speaker.voice_allowed, demanded)} "
                f"{_allowed_badge('face', speaker.face_allowed, demanded)}")
    managed = may(Action.MANAGE_CONSENT, card)
    for consent in speaker.consents:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            shown = "" if standing(consent, today()) == "valid" else f" {standing_badge(consent, today())}"
            st.markdown(f":small[{escaped(consent.person)}: {escaped(consent_words(consent))}]{shown}")
            if managed and st.button(t("speakers.consent.unlink"), key=f"unlink_{speaker.id}_{consent.id}",
                                     type="tertiary", icon=":material/link_off:"):
                _link(card, speaker, consent.id, False)
    if not speaker.consents:
        remark(t("speakers.consent.none"))
    if managed:
        with st.popover(t("speakers.consent.link"), icon=":material/link:", key=f"link_{speaker.id}"):
            _link_form(card, speaker)


def _allowed_badge(use: str, allowed: bool, demanded: bool) -> str:
    if not demanded:
        return badge(t(f"speakers.consent.free.{use}"), "gray", "lock_open")
    return badge(t(f"speakers.consent.allowed.{use}" if allowed else f"speakers.consent.refused.{use}"),
                 "green" if allowed else "red", "check_circle" if allowed else "block")


def _link_form(card: ProjectCard, speaker: SpeakerView) -> None:
    linked = {consent.id for consent in speaker.consents}
    free = [one for one in desk().speakers.consents() if one.id not in linked and one.revoked_at is None]
    if not free:
        remark(t("speakers.consent.nothing_to_link"))
        return
    names = told_apart({one.id: f"{one.person}: {consent_words(one)}" for one in free})
    chosen = st.selectbox(t("speakers.consent.which"), list(names), key=f"which_{speaker.id}",
                          format_func=lambda one: names[one])
    if st.button(t("speakers.consent.link_do"), key=f"link_do_{speaker.id}", type="primary"):
        _link(card, speaker, chosen, True)


def _link(card: ProjectCard, speaker: SpeakerView, consent_id: str, linked: bool) -> None:
    with told() as outcome:
        desk().speakers.link_consent(card.id, speaker.id, consent_id, linked)
    if outcome.is_ok:
        st.rerun()


# merge and split --------------------------------------------------------------------------------------------------


def _merge_and_split(card: ProjectCard, language: str, speaker: SpeakerView, speakers: Sequence[SpeakerView]) -> None:
    if not may(Action.EDIT_TRANSCRIPT, card):
        return
    with st.container(horizontal=True):
        if len(speakers) > 1:
            st.button(t("speakers.merge.button"), key=f"merge_{speaker.id}", type="tertiary", icon=":material/merge:",
                      help=t("speakers.merge.help"), on_click=dialogs.ask, args=("merge", speaker.id))
        if speaker.lines > 1:
            st.button(t("speakers.split.button"), key=f"split_{speaker.id}", type="tertiary",
                      icon=":material/call_split:", help=t("speakers.split.help"), on_click=dialogs.ask,
                      args=("split", speaker.id))
    if dialogs.asked("merge") == speaker.id and len(speakers) > 1:
        dialogs.show(t("speakers.merge.title", name=speaker.name), _merge, card, speaker, speakers)
    if dialogs.asked("split") == speaker.id:
        dialogs.show(t("speakers.split.title", name=speaker.name), _split, card, language, speaker, width="large")


def _merge(card: ProjectCard, into: SpeakerView, speakers: Sequence[SpeakerView]) -> None:
    """Which speaker is the same person as ``into``? Runs in a dialog."""
    others = {one.id: one for one in speakers if one.id != into.id}
    names = told_apart({key: f"{one.name} ({one.lines})" for key, one in others.items()})
    other = others[st.selectbox(t("speakers.merge.who"), list(others), key="merge_who",
                                format_func=lambda one: names[one])]
    st.markdown(t("speakers.merge.what", n=other.lines, other=escaped(other.name), into=escaped(into.name)))
    if dialogs.answer(t("speakers.merge.do"), "merge"):
        with told() as outcome:
            desk().speakers.merge(card.id, into.id, other.id)
        if outcome.is_ok:
            dialogs.close()
            flash(t("speakers.merge.done", other=other.name, into=into.name))
            st.rerun()


def _split(card: ProjectCard, language: str, speaker: SpeakerView) -> None:
    """Which of a speaker's lines are somebody else's? Runs in a dialog."""
    views = all_lines(card.id, language, LineQuery(speaker=speaker.id))
    st.markdown(t("speakers.split.what"))
    name = st.text_input(t("speakers.split.name"), key="split_name", max_chars=100)
    table = [{t("speakers.split.line"): number(one.line.utterance.id),
              t("speakers.split.time"): span(one.line.utterance.start_ms, one.line.utterance.end_ms),
              t("speakers.split.text"): one.line.utterance.text} for one in views]
    chosen = st.dataframe(table, key="split_lines", on_select="rerun", selection_mode="multi-row", hide_index=True,
                          height=min(420, 35 * (len(table) + 1) + 3),
                          column_config={t("speakers.split.text"): st.column_config.TextColumn(width="large")})
    rows = chosen["selection"]["rows"]
    remark(t("speakers.split.chosen", n=len(rows), all=len(views)))
    if not dialogs.answer(t("speakers.split.do"), "split", ready=0 < len(rows) < len(views)):
        return
    with told() as outcome:
        made = desk().speakers.split(card.id, speaker.id, [views[row].line.utterance.id for row in rows])
        if name.strip():
            desk().speakers.rename(card.id, made, name.strip())
    if outcome.is_ok:
        dialogs.close()
        flash(t("speakers.split.done", n=len(rows)))
        st.rerun()
