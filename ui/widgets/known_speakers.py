"""Speakers who are known from other videos of a series, and taking over what they are called and how they sound."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.series import SpeakerMatch
from dubbing.domain.workspace import ProjectCard, SpeakerView
from ui.session import desk
from ui.text import t
from ui.widgets.errors import escaped, flash, told, why_not
from ui.widgets.place import may


def known_from_series(card: ProjectCard, speaker: SpeakerView, matches: Sequence[SpeakerMatch]) -> None:
    """Whom a speaker sounds like in other videos; what was not given here can be taken over."""
    own = [match for match in matches if match.speaker == speaker.id]
    if not own:
        return
    best = own[0]
    name = best.character or best.name or best.other
    words = t("speakers.series.sure" if best.is_sure else "speakers.series.perhaps", name=escaped(name),
              project=escaped(best.project_name), share=f"{best.likeness:.0%}")
    st.markdown(f":small[:material/link: {words}]")
    if not _gives(card, speaker, own):
        return
    allowed = may(Action.EDIT_TRANSCRIPT, card) and may(Action.EDIT_DUB, card)
    if st.button(t("speakers.series.adopt"), key=f"adopt_{speaker.id}", icon=":material/link:", disabled=not allowed,
                 help=why_not("speakers.series.may_not", allowed) or t("speakers.series.adopt_help")):
        with told() as outcome:
            desk().series.adopt(card.id, speaker.id)
        if outcome.is_ok:
            flash(t("common.saved"))
            st.rerun()


def _gives(card: ProjectCard, speaker: SpeakerView, matches: Sequence[SpeakerMatch]) -> bool:
    """Whether there is something to take over that nobody gave here."""
    return any((match.name and speaker.name == speaker.id) or (match.character and not speaker.character)
               or any(language in card.targets and language not in speaker.voices for language in match.voices)
               for match in matches)
