"""Findings of quality control, how a machine came to a translation, and series of videos.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "findings",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("utterance_id", sa.String(length=32), nullable=False),
        sa.Column("check_name", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("dismissed_at", sa.DateTime(), nullable=True),
        sa.Column("dismissed_by", sa.String(length=255), nullable=False),
        sa.Column("dismissed_reason", sa.Text(), nullable=False),
        sa.CheckConstraint("severity IN ('error', 'warning', 'info')", name=op.f("ck_findings_severity")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_findings_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_project_id_language"), "findings", ["project_id", "language"])

    # Added empty, filled, then made to be there always: a default in the database is not everywhere to be had.
    with op.batch_alter_table("translations") as table:
        table.add_column(sa.Column("details", sa.JSON(none_as_null=True), nullable=True))
    op.execute("UPDATE translations SET details = '{}'")
    with op.batch_alter_table("translations") as table:
        table.alter_column("details", existing_type=sa.JSON(none_as_null=True), nullable=False)
    with op.batch_alter_table("projects") as table:
        table.add_column(sa.Column("series", sa.String(length=64), nullable=True))
    op.execute("UPDATE projects SET series = ''")
    with op.batch_alter_table("projects") as table:
        table.alter_column("series", existing_type=sa.String(length=64), nullable=False)
        table.create_index(op.f("ix_projects_series"), ["series"])


def downgrade() -> None:
    with op.batch_alter_table("projects") as table:
        table.drop_index(op.f("ix_projects_series"))
        table.drop_column("series")
    with op.batch_alter_table("translations") as table:
        table.drop_column("details")
    op.drop_table("findings")
