"""The translation memory: what people approved, found again for the same or a similar source."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rapidfuzz import fuzz, process
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dubbing.domain.project import new_id
from dubbing.domain.workspace import MemoryHit
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.session import Database
from dubbing.storage.tables_people import MemoryRow

#: Below this score (0 to 100) a translation is no help.
LEAST_SCORE = 70.0
_MANY = 500
#: Quotes, dashes and dots that differ by hand alone.
_SAME = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "„": '"', "–": "-", "—": "-"})


def normalized(text: str) -> str:
    """``text`` as the memory compares it: one case, one kind of quotes, blanks and dashes."""
    plain = unicodedata.normalize("NFKC", text).translate(_SAME).replace("…", "...").casefold()
    return " ".join(plain.split())


def memory_key(text: str) -> str:
    """The hash under which an exact hit is found."""
    return hashlib.sha256(normalized(text).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class MemoryUnit:
    """A remembered pair and the project that it came from."""

    id: str
    source_language: str
    target_language: str
    source: str
    target: str
    project_id: str | None


class Memory:
    """Keeps pairs of texts once each and finds them again. One memory serves all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, source_language: str, target_language: str, pairs: Iterable[tuple[str, str]], *,
                 project_id: str | None, actor: str) -> int:
        """Keep (source, target) pairs; returns how many were new. What is known already counts as used again."""
        wanted = {(memory_key(source), hashlib.sha256(target.encode()).hexdigest()): (source, target)
                  for source, target in pairs if source.strip() and target.strip()}
        pair = {"source_language": source_language, "target_language": target_language}
        with self._database.write() as session:
            known = _known(session, pair, [source_key for source_key, _ in wanted])
            for keys, (source, target) in wanted.items():
                if (row := known.get(keys)) is not None:
                    row.uses, row.used_at = row.uses + 1, utc_now()
                    continue
                session.add(MemoryRow(
                    id=new_id(), **pair, source_key=keys[0], target_key=keys[1], source=source, target=target,
                    project_id=project_id, actor=actor, uses=0, created_at=utc_now(), used_at=None))
        return len(wanted.keys() - known.keys())

    def hits(self, source_language: str, target_language: str, text: str, *, limit: int = 5) -> list[MemoryHit]:
        """The best pairs for ``text``: exact ones (score 100) first, then those that are at least 70 % alike.

        Likeness is rapidfuzz's ratio of the normalized sources: twice the common characters over all of them, so
        that a source of less than 54 % or more than 186 % of the length cannot reach 70 and is not read.
        """
        plain = normalized(text)
        if not plain:
            return []
        length = func.length(MemoryRow.source)
        shorter, longer = 0.5 * len(plain) - 4, 2 * len(plain) + 4
        pair = (MemoryRow.source_language == source_language, MemoryRow.target_language == target_language)
        with self._database.read() as session:
            known = session.execute(
                select(MemoryRow.id, MemoryRow.source).where(*pair, length >= shorter, length <= longer)
            ).tuples().all()
            scored = process.extract(plain, [normalized(source) for _, source in known], scorer=fuzz.ratio,
                                     score_cutoff=LEAST_SCORE, limit=4 * limit)
            scores = {known[index][0]: _capped(found, plain, score) for found, score, index in scored}
            rows = session.scalars(select(MemoryRow).where(MemoryRow.id.in_(scores))).all()
        rows = sorted(rows, key=lambda row: (-scores[row.id], -row.uses, row.id))
        return [_to_hit(row, scores[row.id]) for row in rows[:limit]]

    def exact(self, source_language: str, target_language: str, texts: Iterable[str]) -> dict[str, list[str]]:
        """The remembered translations of each of ``texts`` that has any, those used most often first."""
        keys = {text: memory_key(text) for text in texts if text.strip()}
        pair = {"source_language": source_language, "target_language": target_language}
        with self._database.read() as session:
            rows = sorted(_known(session, pair, sorted(set(keys.values()))).values(),
                          key=lambda row: (-row.uses, row.id))
            by_key: dict[str, list[str]] = {}
            for row in rows:
                by_key.setdefault(row.source_key, []).append(row.target)
        return {text: by_key[key] for text, key in keys.items() if key in by_key}

    def search(self, source_language: str, target_language: str, text: str, *, limit: int = 50) -> list[MemoryHit]:
        """Pairs with ``text`` in either side, in any case, newest first; of all languages where a language is ""."""
        query = select(MemoryRow.id, MemoryRow.source, MemoryRow.target).order_by(MemoryRow.id.desc())
        if source_language:
            query = query.where(MemoryRow.source_language == source_language)
        if target_language:
            query = query.where(MemoryRow.target_language == target_language)
        wanted = normalized(text)
        with self._database.read() as session:
            # Compared here: SQLite knows no case but that of ASCII.
            found = (key for key, source, target in session.execute(query).tuples()
                     if wanted in normalized(source) or wanted in normalized(target))
            ids = list(islice(found, limit))
            rows = session.scalars(select(MemoryRow).where(MemoryRow.id.in_(ids)).order_by(MemoryRow.id.desc()))
            return [_to_hit(row, 100.0) for row in rows]

    def get(self, unit_id: str) -> MemoryUnit:
        """Raises UsageError when there is no such unit."""
        with self._database.read() as session:
            row = _found(session, unit_id)
            return MemoryUnit(row.id, row.source_language, row.target_language, row.source, row.target,
                              row.project_id)

    def used(self, unit_id: str) -> None:
        """Note that a unit was applied to a line."""
        with self._database.write() as session:
            row = _found(session, unit_id)
            row.uses, row.used_at = row.uses + 1, utc_now()

    def delete(self, unit_id: str) -> None:
        """Forget a unit; one that is gone already is no error."""
        with self._database.write() as session:
            row = session.get(MemoryRow, unit_id)
            if row is not None:
                session.delete(row)

    def count(self) -> int:
        """How many units there are."""
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(MemoryRow)) or 0


def _known(session: Session, pair: Mapping[str, str], source_keys: Sequence[str]) -> dict[tuple[str, str], MemoryRow]:
    """The units of these sources, by source and target key."""
    found: dict[tuple[str, str], MemoryRow] = {}
    for first in range(0, len(source_keys), _MANY):
        query = select(MemoryRow).filter_by(**pair).where(
            MemoryRow.source_key.in_(source_keys[first:first + _MANY]))
        found.update(((row.source_key, row.target_key), row) for row in session.scalars(query))
    return found


def _capped(found: str, plain: str, score: float) -> float:
    """100 is for sources that are the same."""
    return 100.0 if found == plain else min(round(score, 1), 99.0)


def _found(session: Session, unit_id: str) -> MemoryRow:
    row = session.get(MemoryRow, unit_id)
    if row is None:
        raise UsageError("This translation is not in the memory any more.", "Reload the line.")
    return row


def _to_hit(row: MemoryRow, score: float) -> MemoryHit:
    return MemoryHit(row.id, row.source, row.target, score, row.actor, row.project_id, row.used_at or row.created_at)
