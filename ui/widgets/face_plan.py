"""Which faces are seen when, and which lines are lip-synced: as rows of a timeline, and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from dubbing.domain.workspace import FaceView, LineView, SpeakerView
from ui.text import t
from ui.widgets.errors import escaped
from ui.widgets.review_data import number
from ui.widgets.timeline import Look, Row, Span
from ui.widgets.times import length, span

#: Why a mouth stays as it was filmed, in the order in which the reasons are listed.
REASONS = ("no_take", "disabled", "no_consent", "marked_off", "off_camera", "no_face")
Plan = Mapping[str, tuple[bool, str]]


def reason_words(reason: str) -> str:
    return t(f"faces.reason.{reason}") if reason in REASONS else reason.replace("_", " ")


def note_words(note: str) -> str:
    """What there is to say of a face beside its times."""
    return t(f"faces.note.{note}") if note in ("turned", "waits") else escaped(note)


def person_name(speaker: SpeakerView) -> str:
    """A speaker with the part that they play: "Ana (the mother)"."""
    return f"{speaker.name} ({speaker.character})" if speaker.character else speaker.name


def face_name(nth: int, face: FaceView, speakers: Mapping[str, str]) -> str:
    """What a face is called: its speaker, or its number (from 1) while nobody is linked."""
    return speakers.get(face.speaker or "") or t("faces.face", n=nth)


def face_rows(faces: Sequence[FaceView], speakers: Mapping[str, str]) -> list[Row]:
    """A row for each face: thin while it is in the picture, solid while it speaks on camera."""
    rows = []
    for nth, face in enumerate(faces, 1):
        seen = [Span(*one, Look.THIN, t("faces.title.seen", span=span(*one))) for one in face.seen]
        speaking = [Span(*one, Look.SOLID, t("faces.title.speaking", span=span(*one))) for one in face.speaking]
        rows.append(Row(face_name(nth, face, speakers), (*seen, *speaking)))
    return rows


def line_rows(lines: Sequence[LineView], plan: Plan, speakers: Mapping[str, str],
              order: Sequence[str | None] = ()) -> list[Row]:
    """A row for each speaker: their lines, solid where the mouth is repainted and hatched where it is not.

    Speakers whose id is in ``order`` come first, in that order.
    """
    names = {one: speakers.get(one, view.speaker_name) for view in lines for one in (view.line.utterance.speaker,)}
    by_speaker: dict[str, list[Span]] = {one: [] for one in (*order, *names) if one in names}
    for view in lines:
        one = view.line.utterance
        painted, reason = plan.get(one.id, (False, "no_take"))
        title = t("faces.title.painted", line=number(one.id)) if painted else \
            t("faces.title.unpainted", line=number(one.id), reason=reason_words(reason))
        by_speaker[one.speaker].append(
            Span(one.start_ms, one.end_ms, Look.SOLID if painted else Look.HATCHED, title))
    return [Row(t("faces.lines_of", name=names[one]), tuple(spans)) for one, spans in by_speaker.items()]


def summary_words(faces: Sequence[FaceView], lines: Sequence[LineView], plan: Plan) -> str:
    """The timeline in one sentence, for those who do not see it."""
    painted = sum(plan.get(view.line.utterance.id, (False, ""))[0] for view in lines)
    return t("faces.summary", faces=len(faces), painted=painted, lines=len(lines))


def reason_counts(lines: Sequence[LineView], plan: Plan) -> list[tuple[str, int]]:
    """Why lines are not lip-synced, and how many for each reason; the commonest first."""
    reasons = (plan.get(view.line.utterance.id, (False, "no_take")) for view in lines)
    return Counter(reason for painted, reason in reasons if not painted).most_common()


def total_words(spans: Sequence[tuple[int, int]]) -> str:
    """How long spans are together: "12 s"."""
    return length(sum(end - start for start, end in spans) / 1000)
