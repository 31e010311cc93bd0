"""What all tables share: the declarative base, constraint names, UTC times, column shapes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKeyConstraint, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

#: Constraints have names, so that a migration can drop them on every database.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, stored without its zone so that every database compares it alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        datetime: UtcDateTime,
    }


def utc_now() -> datetime:
    """The time of day as it is stored: aware, UTC."""
    return datetime.now(UTC)


Id = Annotated[str, mapped_column(String(32))]
Label = Annotated[str, mapped_column(String(64))]
Language = Annotated[str, mapped_column(String(16))]
Name = Annotated[str, mapped_column(String(255))]
LongText = Annotated[str, mapped_column(Text)]
Milliseconds = Annotated[int, mapped_column(Integer)]
Bytes = Annotated[int, mapped_column(BigInteger)]


def to_project() -> ForeignKeyConstraint:
    """A fresh foreign key on ``project_id``; rows go when their project is purged."""
    return ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE")


def to_utterance() -> ForeignKeyConstraint:
    """A fresh foreign key on ``(project_id, utterance_id)``; rows go when their utterance is purged."""
    return ForeignKeyConstraint(
        ["project_id", "utterance_id"], ["utterances.project_id", "utterances.id"], ondelete="CASCADE"
    )


def one_of(column: str, values: Iterable[StrEnum]) -> str:
    """SQL text of a check that ``column`` holds one of an enum's values."""
    listed = ", ".join(f"'{member.value}'" for member in values)
    return f"{column} IN ({listed})"
