"""The workspace: sessions and tickets of people, uploads, who exported what, several consents a speaker.

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NEW_IN_EXPORTS = {
    "job_id": sa.String(length=32),
    "actor": sa.String(length=255),
    "size_bytes": sa.BigInteger(),
    "details": sa.JSON(none_as_null=True),
}


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"])
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"])
    op.create_table(
        "tickets",
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tickets_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_tickets")),
    )
    op.create_index(op.f("ix_tickets_user_id"), "tickets", ["user_id"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_uploads_size")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_owner_created_at"), "uploads", ["owner", "created_at"])
    op.create_table(
        "speaker_consents",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("speaker_id", sa.String(length=64), nullable=False),
        sa.Column("consent_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "speaker_id"],
            ["speakers.project_id", "speakers.id"],
            name=op.f("fk_speaker_consents_project_id_speaker_id_speakers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consents.id"], name=op.f("fk_speaker_consents_consent_id_consents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "speaker_id", "consent_id", name=op.f("pk_speaker_consents")),
    )
    op.create_index(op.f("ix_speaker_consents_consent_id"), "speaker_consents", ["consent_id"])

    # Added empty, filled, then made to be there always: a default in the database is not everywhere to be had.
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("locale", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("failed_sign_ins", sa.Integer(), nullable=True))
        table.add_column(sa.Column("locked_until", sa.DateTime(), nullable=True))
    op.execute("UPDATE users SET locale = 'en', failed_sign_ins = 0")
    with op.batch_alter_table("users") as table:
        table.alter_column("locale", existing_type=sa.String(length=16), nullable=False)
        table.alter_column("failed_sign_ins", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("exports") as table:
        for name, kind in _NEW_IN_EXPORTS.items():
            table.add_column(sa.Column(name, kind, nullable=True))
    op.execute("UPDATE exports SET job_id = '', actor = '', size_bytes = 0, details = '{}'")
    with op.batch_alter_table("exports") as table:
        for name, kind in _NEW_IN_EXPORTS.items():
            table.alter_column(name, existing_type=kind, nullable=False)

    op.execute(
        "INSERT INTO speaker_consents (project_id, speaker_id, consent_id) "
        "SELECT project_id, id, consent_id FROM speakers WHERE consent_id IS NOT NULL"
    )
    with op.batch_alter_table("speakers") as table:
        table.drop_constraint(op.f("fk_speakers_consent_id_consents"), type_="foreignkey")
        table.drop_index(op.f("ix_speakers_consent_id"))
        table.drop_column("consent_id")


def downgrade() -> None:
    with op.batch_alter_table("speakers") as table:
        table.add_column(sa.Column("consent_id", sa.String(length=32), nullable=True))
        table.create_foreign_key(
            op.f("fk_speakers_consent_id_consents"), "consents", ["consent_id"], ["id"], ondelete="SET NULL"
        )
        table.create_index(op.f("ix_speakers_consent_id"), ["consent_id"])
    # Of several consents the newest stays: their ids sort by time.
    op.execute(
        "UPDATE speakers SET consent_id = (SELECT max(consent_id) FROM speaker_consents AS kept "
        "WHERE kept.project_id = speakers.project_id AND kept.speaker_id = speakers.id)"
    )
    with op.batch_alter_table("exports") as table:
        for name in _NEW_IN_EXPORTS:
            table.drop_column(name)
    with op.batch_alter_table("users") as table:
        for name in ("locale", "failed_sign_ins", "locked_until"):
            table.drop_column(name)
    op.drop_table("speaker_consents")
    op.drop_table("uploads")
    op.drop_table("tickets")
    op.drop_table("sessions")
