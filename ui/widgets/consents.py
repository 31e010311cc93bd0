"""Consent records: what they say in words, a form for a new one, the list of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import streamlit as st

from dubbing.domain.workspace import Consent, ProjectCard, SpeakerView
from ui.components.uploader import uploader
from ui.session import desk
from ui.text import language_name, languages, t
from ui.urls import download_url
from ui.widgets.badges import badge
from ui.widgets.choices import told_apart
from ui.widgets.errors import escaped, flash, nothing_here, sentence, told
from ui.widgets.remarks import remark
from ui.widgets.times import moment

USES = ("voice", "face", "voice_and_face")
EVIDENCE = (".pdf", ".png", ".jpg", ".jpeg", ".mp4", ".wav", ".mp3", ".m4a", ".eml", ".txt", ".docx", ".zip")
_BADGES = {"valid": ("green", "verified_user"), "revoked": ("red", "block"), "expired": ("red", "event_busy"),
           "not_yet": ("orange", "schedule")}
_FORM = "consent_form_version"


def standing(consent: Consent, on: date) -> str:
    """Where a record stands on a day: "valid", "revoked", "expired" or "not_yet"."""
    if consent.revoked_at is not None:
        return "revoked"
    if consent.valid_until is not None and on > consent.valid_until:
        return "expired"
    return "not_yet" if consent.valid_from is not None and on < consent.valid_from else "valid"


def standing_badge(consent: Consent, on: date) -> str:
    state = standing(consent, on)
    return badge(t(f"speakers.consent.standing.{state}"), *_BADGES[state])


def consent_words(consent: Consent) -> str:
    """What a record allows, in one line: "Voice and face · Spanish, English · until 2027-03-01"."""
    where = ", ".join(map(language_name, consent.languages)) or t("speakers.consent.every_language")
    return " · ".join((t(f"speakers.consent.use.{consent.use}"), where, term_words(consent)))


def term_words(consent: Consent) -> str:
    first, last = consent.valid_from, consent.valid_until
    if first and last:
        return t("speakers.consent.from_until", first=first.isoformat(), last=last.isoformat())
    if last:
        return t("speakers.consent.until", last=last.isoformat())
    return t("speakers.consent.since", first=first.isoformat()) if first else t("speakers.consent.no_end")


def today() -> date:
    return datetime.now(UTC).date()


def consent_records(card: ProjectCard, speakers: Sequence[SpeakerView]) -> None:
    """All records with what can be done with them, below a form for a new one. Needs the right to manage them."""
    with st.expander(t("speakers.consent.new"), icon=":material/add:"):
        _form(card, speakers)
    records = desk().speakers.consents()
    if not records:
        nothing_here(t("speakers.consent.empty"), t("speakers.consent.empty_hint"), ":material/verified_user:")
    used_by: dict[str, list[str]] = {}
    for speaker in speakers:
        for consent in speaker.consents:
            used_by.setdefault(consent.id, []).append(speaker.name)
    for consent in records:
        _record(card, consent, used_by.get(consent.id, []))


def _form(card: ProjectCard, speakers: Sequence[SpeakerView]) -> None:
    version = st.session_state.get(_FORM, 0)
    left, right = st.columns(2)
    with left:
        person = st.selectbox(t("speakers.consent.person"), [one.name for one in speakers], index=None,
                              accept_new_options=True, key=f"consent_person_{version}",
                              placeholder=t("speakers.consent.person_hint"))
        use = st.radio(t("speakers.consent.what"), USES, index=2, key=f"consent_use_{version}",
                       format_func=lambda one: t(f"speakers.consent.use.{one}"), horizontal=True)
        names = languages()
        of = st.multiselect(t("speakers.consent.languages"), list(names), format_func=lambda code: names[code],
                            key=f"consent_languages_{version}", placeholder=t("speakers.consent.every_language"))
        first_place, last_place = st.columns(2)
        first = first_place.date_input(t("speakers.consent.first_day"), value=today(),
                                       key=f"consent_first_{version}", format="YYYY-MM-DD")
        last = last_place.date_input(t("speakers.consent.last_day"), value=None, key=f"consent_last_{version}",
                                     format="YYYY-MM-DD", help=t("speakers.consent.last_day_help"))
    with right:
        sent = uploader(t("speakers.consent.evidence"), key=f"consent_evidence_{version}", purpose="evidence",
                        accept=EVIDENCE, hint=t("speakers.consent.evidence_hint"))
        note = st.text_area(t("speakers.consent.note"), key=f"consent_note_{version}", height=80)
    linked = st.multiselect(t("speakers.consent.for_speakers"), [one.id for one in speakers],
                            [one.id for one in speakers if one.name == person],
                            format_func=told_apart({one.id: one.name for one in speakers}).get,
                            key=f"consent_for_{version}_{person}")
    if not st.button(t("speakers.consent.record"), type="primary", icon=":material/verified_user:"):
        return
    if not (person or "").strip():
        sentence(t("speakers.consent.no_person"))
        return
    with told() as outcome:
        made = desk().speakers.record_consent(person, use, of, first, last, sent.id if sent else None, note)
        for speaker_id in linked:
            desk().speakers.link_consent(card.id, speaker_id, made.id)
    if outcome.is_ok:
        st.session_state[_FORM] = version + 1
        flash(t("speakers.consent.recorded", person=person))
        st.rerun()


def _record(card: ProjectCard, consent: Consent, speakers: Sequence[str]) -> None:
    with st.container(border=True, key=f"consent_{consent.id}", gap="xsmall"):
        st.markdown(f"**{escaped(consent.person)}** {standing_badge(consent, today())}")
        st.markdown(escaped(consent_words(consent)))
        who = t("speakers.consent.recorded_by", name=consent.recorded_by or t("common.unknown"),
                when=moment(consent.recorded_at, with_time=False))
        here = t("speakers.consent.linked_here", names=", ".join(speakers)) if speakers else \
            t("speakers.consent.linked_nowhere")
        remark(escaped(" · ".join(part for part in (who, here, consent.note) if part)))
        with st.container(horizontal=True, vertical_alignment="center"):
            _evidence(card, consent)
            if consent.revoked_at is None:
                with st.popover(t("speakers.consent.revoke"), icon=":material/block:", type="tertiary",
                                key=f"revoke_{consent.id}"):
                    _revoke(consent)


def _evidence(card: ProjectCard, consent: Consent) -> None:
    if not consent.evidence_name:
        st.markdown(f":small[:material/attach_file_off: {t('speakers.consent.no_evidence')}]", width="content")
        return
    st.link_button(escaped(consent.evidence_name), download_url(card.id, "evidence", consent.id), type="tertiary",
                   icon=":material/attach_file:",
                   help=t("speakers.consent.evidence_sum", sum=consent.evidence_sha256))


def _revoke(consent: Consent) -> None:
    st.markdown(t("speakers.consent.revoke_sure", person=escaped(consent.person)))
    if st.button(t("speakers.consent.revoke"), key=f"revoke_sure_{consent.id}", type="primary"):
        with told() as outcome:
            desk().speakers.revoke_consent(consent.id)
        if outcome.is_ok:
            flash(t("speakers.consent.revoked", person=consent.person))
            st.rerun()
