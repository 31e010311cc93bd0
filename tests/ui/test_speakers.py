"""The speakers page: names, merging and splitting, voices and how they sound, consents and what they block."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from streamlit.testing.v1 import AppTest

from dubbing.domain.workspace import Consent, ProjectSettings, VoiceOption
from tests.ui.factory import Home
from tests.ui.opened import button, opened, words
from ui.widgets.consents import consent_words, standing
from ui.widgets.voices import heard_option, heard_words, voice_words

OpenHome = Callable[..., Home]
DAY = date(2026, 3, 4)


def consent(**told: object) -> Consent:
    given: dict[str, object] = {"valid_from": None, "valid_until": None, "revoked_at": None, "languages": (),
                                "use": "voice", **told}
    return Consent(id="c", person="Marta", evidence_name="", evidence_sha256="", note="", recorded_by="pablo",
                   recorded_at=datetime(2026, 1, 1, tzinfo=UTC), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("told", "is_now", "said"), [
    ({}, "valid", "Voice cloning · all languages · no end"),
    ({"valid_until": DAY, "languages": ("es", "de")}, "valid", "Voice cloning · Spanish, German · until 2026-03-04"),
    ({"valid_until": date(2026, 3, 3)}, "expired", "Voice cloning · all languages · until 2026-03-03"),
    ({"valid_from": date(2026, 3, 5), "use": "face"}, "not_yet",
     "Face (lip-sync) · all languages · from 2026-03-05, no end"),
    ({"valid_from": DAY, "valid_until": DAY, "revoked_at": datetime(2026, 2, 1, tzinfo=UTC)}, "revoked",
     "Voice cloning · all languages · 2026-03-04 to 2026-03-04"),
])
def test_a_consent_is_told_in_words_with_where_it_stands(told: dict[str, object], is_now: str, said: str) -> None:
    one = consent(**told)
    assert standing(one, DAY) == is_now and consent_words(one) == said
    assert one.covers(one.use, "es", DAY) == (is_now == "valid")


def test_voices_are_told_as_people_call_them() -> None:
    heart = VoiceOption("kokoro", "af_heart", "af_heart", "en", "female")
    assert voice_words(heart) == "Heart · female · kokoro af_heart"
    assert voice_words(VoiceOption("cloner", "own", "own", "en", clones=True)).endswith("asks for consent")
    assert heard_words("af_heart+4.2st*1.07") == "Heart (af_heart), 4.2 semitones higher"
    assert heard_words("jm_kumo-0.4st*0.95") == "Kumo (jm_kumo), 0.4 semitones lower"
    assert heard_words("af_heart") == "Heart (af_heart)" and heard_words("plain") == "plain"
    found = heard_option([heart], "af_heart+4.2st*1.07", "en")
    assert found is not None and (found.engine, found.id) == ("kokoro", "af_heart+4.2st*1.07")
    assert heard_option([heart], "gone", "en") is None


def demand_consent(home: Home) -> None:
    with home.desk("pablo") as desk:
        now = desk.projects.settings(home.project.id)
        fields = {name: getattr(now, name) for name in ProjectSettings.__dataclass_fields__
                  if name not in ("m_and_e_name", "series")}
        desk.projects.set_settings(home.project.id, **{**fields, "consent_required": True})


def field(app: AppTest, kind: str, start: str) -> object:
    return next(one for one in getattr(app, kind) if (one.key or "").startswith(start))


def test_speakers_are_listed_with_what_they_say_and_renamed(open_home: OpenHome) -> None:
    home = open_home(lines=9)
    app = opened(home, "speakers", "tomas")
    assert "6 lines · 14 s of speech · 67% of all" in words(app)
    field(app, "text_input", "speaker_name_SPEAKER_00").input("Marta Gil").run()
    field(app, "text_input", "speaker_character_SPEAKER_00").input("The captain").run()
    with home.desk() as desk:
        [speaker] = [one for one in desk.speakers.all(home.project.id) if one.id == "SPEAKER_00"]
    assert (speaker.name, speaker.character) == ("Marta Gil", "The captain")


def test_two_speakers_become_one(open_home: OpenHome) -> None:
    home = open_home(lines=9)
    app = opened(home, "speakers")
    app.button(key="merge_SPEAKER_00").click().run()
    assert "3 lines of **Joaquín** become lines of **Marta**" in words(app)
    app.button(key="merge_do").click().run()
    assert not app.error and not app.exception
    with home.desk() as desk:
        assert [(one.name, one.lines) for one in desk.speakers.all(home.project.id) if one.lines] == [("Marta", 9)]


def test_splitting_asks_for_some_lines_but_not_all(open_home: OpenHome) -> None:
    home = open_home(lines=9)
    app = opened(home, "speakers")
    app.button(key="split_SPEAKER_00").click().run()
    assert app.button(key="split_do").disabled and "0 of 6 lines ticked" in words(app)
    app.text_input(key="split_name").input("Nora")
    app.session_state["split_lines"] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    app.run()
    app.button(key="split_do").click().run()
    assert not app.error and not app.exception
    with home.desk() as desk:
        speakers = {one.name: one.lines for one in desk.speakers.all(home.project.id)}
    assert speakers == {"Marta": 4, "Joaquín": 3, "Nora": 2}


def test_a_voice_is_assigned_and_heard_before(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    with home.desk() as desk:
        voices = desk.speakers.voices(home.project.id, "es")
    if not voices:
        pytest.skip("no voice engine speaks Spanish here")
    app = opened(home, "speakers")
    choice = field(app, "selectbox", "voice_SPEAKER_00")
    choice.select_index(2).run()
    app.text_input(key="audition_text").input("Hola.").run()
    app.button(key="audition_SPEAKER_00").click().run()
    with home.desk() as desk:
        [job] = desk.jobs.active(home.project.id)
    assert (job.kind, job.payload["voice"], job.payload["text"]) == ("audition", voices[1].id, "Hola.")
    app.button(key="assign_SPEAKER_00").click().run()
    with home.desk() as desk:
        [speaker] = [one for one in desk.speakers.all(home.project.id) if one.id == "SPEAKER_00"]
    assert speaker.voices["es"].id == voices[1].id


def test_what_is_blocked_for_want_of_consent_is_said(open_home: OpenHome) -> None:
    home = open_home(lines=6)
    assert "does not demand consent" in words(opened(home, "speakers"))
    demand_consent(home)
    said = words(opened(home, "speakers"))
    assert "No voice cloning for Marta, Joaquín" in said and "No lip-sync for Marta, Joaquín" in said
    with home.desk("pablo") as desk:
        made = desk.speakers.record_consent("Marta", "voice")
        desk.speakers.link_consent(home.project.id, "SPEAKER_00", made.id)
    said = words(opened(home, "speakers"))
    assert "No voice cloning for Joaquín" in said and "Voice: allowed" in said
    assert "No lip-sync for Marta, Joaquín" in said


def test_a_consent_is_recorded_linked_and_revoked(open_home: OpenHome) -> None:
    home = open_home(lines=6)
    demand_consent(home)
    app = opened(home, "speakers", "pablo")
    button(app, "Record consent").click().run()
    assert "Say whose consent this is" in words(app)
    field(app, "selectbox", "consent_person").select("Marta").run()
    button(app, "Record consent").click().run()
    assert not app.error and not app.exception
    with home.desk("pablo") as desk:
        [made] = desk.speakers.consents()
        [marta] = [one for one in desk.speakers.all(home.project.id) if one.id == "SPEAKER_00"]
    assert made.use == "voice_and_face" and marta.voice_allowed and marta.face_allowed
    assert "linked here to Marta" in words(app)
    app.button(key=f"unlink_SPEAKER_00_{made.id}").click().run()
    assert "not linked in this project" in words(app)
    app.button(key=f"revoke_sure_{made.id}").click().run()
    assert "Revoked" in words(app)


def test_those_without_the_right_see_no_records_and_change_nothing(open_home: OpenHome) -> None:
    app = opened(open_home(lines=6), "speakers", "clara")
    assert "may not see consent records" in words(app)
    assert all(one.disabled for one in app.text_input if (one.key or "").startswith("speaker_"))
    assert all(one.disabled for one in app.selectbox)
    assert not [one for one in app.button if (one.key or "").split("_")[0] in ("merge", "split", "unlink", "revoke")]


def test_before_the_first_run_it_says_what_to_do(open_home: OpenHome) -> None:
    home = open_home(lines=0)
    with home.workspace() as workspace, workspace.storage.database.write() as session:
        from dubbing.storage.tables import SpeakerRow

        for one in session.query(SpeakerRow):
            session.delete(one)
    assert "Nobody has been heard yet" in words(opened(home, "speakers"))


def test_a_speaker_is_known_from_another_video_of_the_series(open_home: OpenHome) -> None:
    home = open_home(lines=2, names=("Harbour two", "Harbour"))
    with home.workspace() as workspace:
        speakers = workspace.storage.speakers
        speakers.save(home.projects[1].id, "SPEAKER_00", character="The Captain", voice_print=[1.0, 0.2])
        speakers.save(home.project.id, "SPEAKER_00", name="SPEAKER_00", voice_print=[1.0, 0.3])
        for project in home.projects:
            workspace.storage.series.set(project.id, "The Saga")
    app = opened(home, "speakers", "pablo")
    assert "Sounds like **The Captain** in Harbour" in words(app)
    button(app, "Take over name and voices").click().run()
    assert not app.exception and not app.error
    with home.desk() as desk:
        taken = next(one for one in desk.speakers.all(home.project.id) if one.id == "SPEAKER_00")
    assert (taken.name, taken.character) == ("Marta", "The Captain")
