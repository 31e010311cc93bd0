"""First tables: everything that a project, its people and its work need.

Revision 0001, after nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("use", sa.String(length=32), nullable=False),
        sa.Column("languages", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("evidence_path", sa.Text(), nullable=False),
        sa.Column("evidence_sha256", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.String(length=255), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("use IN ('voice', 'face', 'voice_and_face')", name=op.f("ck_consents_use")),
        sa.CheckConstraint(
            "valid_until IS NULL OR valid_from IS NULL OR valid_until >= valid_from", name=op.f("ck_consents_term")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_person"), "consents", ["person"])

    op.create_table(
        "projects",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("media", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("source_language", sa.String(length=16), nullable=True),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("utterances_made", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("archived_at", sa.DateTime(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("length(name) > 0", name=op.f("ck_projects_name")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_projects_revision")),
        sa.CheckConstraint("utterances_made >= 0", name=op.f("ck_projects_utterances_made")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.create_index(op.f("ix_projects_deleted_at_created_at"), "projects", ["deleted_at", "created_at"])

    op.create_table(
        "users",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("login", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("oidc_issuer", sa.String(length=255), nullable=True),
        sa.Column("oidc_subject", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("(oidc_issuer IS NULL) = (oidc_subject IS NULL)", name=op.f("ck_users_oidc")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("login", name=op.f("uq_users_login")),
        sa.UniqueConstraint("oidc_issuer", "oidc_subject", name=op.f("uq_users_oidc_issuer_oidc_subject")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("abilities", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_index(op.f("ix_workers_seen_at"), "workers", ["seen_at"])

    op.create_table(
        "exports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("preset", sa.String(length=255), nullable=False),
        sa.Column("revisions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_exports_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index(
        op.f("ix_exports_project_id_language_created_at"), "exports", ["project_id", "language", "created_at"]
    )

    op.create_table(
        "forbidden_terms",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("term", sa.String(length=255), nullable=False),
        sa.Column("instead", sa.String(length=255), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_forbidden_terms_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forbidden_terms")),
    )
    op.create_index(op.f("ix_forbidden_terms_language_term"), "forbidden_terms", ["language", "term"])
    op.create_index(op.f("ix_forbidden_terms_project_id"), "forbidden_terms", ["project_id"])

    op.create_table(
        "history",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("entity", sa.String(length=32), nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_history_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index(op.f("ix_history_project_id_at"), "history", ["project_id", "at"])
    op.create_index(op.f("ix_history_project_id_entity_entity_id"), "history", ["project_id", "entity", "entity_id"])

    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=True),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(), nullable=True),
        sa.Column("not_before", sa.DateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "status <> 'running' OR (worker <> '' AND lease_until IS NOT NULL)", name=op.f("ck_jobs_lease")
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_jobs_status")
        ),
        sa.CheckConstraint("attempts >= 0 AND max_attempts >= 1", name=op.f("ck_jobs_attempts")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_jobs_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_project_id_created_at"), "jobs", ["project_id", "created_at"])
    op.create_index("ix_jobs_queue", "jobs", ["status", "rank", "created_at", "id"])

    op.create_table(
        "memberships",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "role IN ('project_manager', 'translator', 'reviewer', 'audio_mixer', 'client', 'administrator')",
            name=op.f("ck_memberships_role"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_memberships_project_id_projects"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_memberships_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "user_id", "role", "language", name=op.f("pk_memberships")),
    )
    op.create_index(op.f("ix_memberships_user_id"), "memberships", ["user_id"])

    op.create_table(
        "memory_units",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source_language", sa.String(length=16), nullable=False),
        sa.Column("target_language", sa.String(length=16), nullable=False),
        sa.Column("source_key", sa.String(length=64), nullable=False),
        sa.Column("target_key", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_memory_units_project_id_projects"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memory_units")),
        sa.UniqueConstraint(
            "source_language", "target_language", "source_key", "target_key", name="uq_memory_units_pair"
        ),
    )
    op.create_index(op.f("ix_memory_units_project_id"), "memory_units", ["project_id"])

    op.create_table(
        "project_targets",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_project_targets_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "language", name=op.f("pk_project_targets")),
    )
    op.create_table(
        "pronunciations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("word", sa.String(length=255), nullable=False),
        sa.Column("ipa", sa.String(length=255), nullable=False),
        sa.Column("spelling", sa.String(length=255), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("(ipa <> '') <> (spelling <> '')", name=op.f("ck_pronunciations_one_way")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_pronunciations_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pronunciations")),
    )
    op.create_index(op.f("ix_pronunciations_language_word"), "pronunciations", ["language", "word"])
    op.create_index(op.f("ix_pronunciations_project_id"), "pronunciations", ["project_id"])

    op.create_table(
        "speakers",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("character", sa.String(length=255), nullable=False),
        sa.Column("voice_print", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("consent_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consents.id"], name=op.f("fk_speakers_consent_id_consents"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_speakers_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_speakers")),
    )
    op.create_index(op.f("ix_speakers_consent_id"), "speakers", ["consent_id"])

    op.create_table(
        "stage_runs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("utterance_id", sa.String(length=32), nullable=False),
        sa.Column("artifact_key", sa.String(length=64), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("media_ms", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("peak_memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'done', 'cached', 'failed', 'cancelled')", name=op.f("ck_stage_runs_status")
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_stage_runs_attempt")),
        sa.CheckConstraint(
            "seconds >= 0 AND media_ms >= 0 AND peak_memory_bytes >= 0", name=op.f("ck_stage_runs_figures")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_stage_runs_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_runs")),
    )
    op.create_index(op.f("ix_stage_runs_artifact_key"), "stage_runs", ["artifact_key"])
    op.create_index(
        op.f("ix_stage_runs_project_id_stage_language_utterance_id"),
        "stage_runs",
        ["project_id", "stage", "language", "utterance_id"],
    )
    op.create_index(op.f("ix_stage_runs_stage_status_engine"), "stage_runs", ["stage", "status", "engine"])

    op.create_table(
        "terms",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=True),
        sa.Column("source_language", sa.String(length=16), nullable=False),
        sa.Column("target_language", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=True),
        sa.Column("case_sensitive", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_terms_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms")),
    )
    op.create_index(op.f("ix_terms_project_id"), "terms", ["project_id"])
    op.create_index(
        op.f("ix_terms_source_language_target_language_source"),
        "terms",
        ["source_language", "target_language", "source"],
    )

    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.CheckConstraint(
            "role IN ('project_manager', 'translator', 'reviewer', 'audio_mixer', 'client', 'administrator')",
            name=op.f("ck_user_roles_role"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_roles")),
    )
    op.create_table(
        "speaker_voices",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("speaker_id", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("voice", sa.String(length=255), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "speaker_id"],
            ["speakers.project_id", "speakers.id"],
            name=op.f("fk_speaker_voices_project_id_speaker_id_speakers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "speaker_id", "language", name=op.f("pk_speaker_voices")),
    )
    op.create_table(
        "utterances",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("speaker_id", sa.String(length=64), nullable=False),
        sa.Column("start_ms", sa.Integer(), nullable=False),
        sa.Column("end_ms", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("on_camera", sa.Boolean(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("text_revision", sa.Integer(), nullable=False),
        sa.Column("cast_revision", sa.Integer(), nullable=False),
        sa.Column("edited_by_person", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("confidence >= 0 AND confidence <= 1", name=op.f("ck_utterances_confidence")),
        sa.CheckConstraint("start_ms >= 0 AND end_ms > start_ms", name=op.f("ck_utterances_times")),
        sa.CheckConstraint(
            "text_revision >= 1 AND cast_revision >= 1 AND text_revision <= revision AND cast_revision <= revision",
            name=op.f("ck_utterances_revision"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "speaker_id"],
            ["speakers.project_id", "speakers.id"],
            name=op.f("fk_utterances_project_id_speaker_id_speakers"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_utterances_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "id", name=op.f("pk_utterances")),
    )
    op.create_index(op.f("ix_utterances_project_id_speaker_id"), "utterances", ["project_id", "speaker_id"])
    op.create_index(op.f("ix_utterances_project_id_start_ms"), "utterances", ["project_id", "start_ms"])

    op.create_table(
        "comments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("utterance_id", sa.String(length=32), nullable=True),
        sa.Column("at_ms", sa.Integer(), nullable=True),
        sa.Column("answers_id", sa.String(length=32), nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("mentions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("edited_at", sa.DateTime(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(), nullable=True),
        sa.Column("resolved_by", sa.String(length=255), nullable=False),
        sa.CheckConstraint("utterance_id IS NOT NULL OR at_ms IS NOT NULL", name=op.f("ck_comments_anchor")),
        sa.ForeignKeyConstraint(
            ["answers_id"], ["comments.id"], name=op.f("fk_comments_answers_id_comments"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "utterance_id"],
            ["utterances.project_id", "utterances.id"],
            name=op.f("fk_comments_project_id_utterance_id_utterances"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_comments_project_id_projects"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index(op.f("ix_comments_answers_id"), "comments", ["answers_id"])
    op.create_index(op.f("ix_comments_project_id_resolved_at"), "comments", ["project_id", "resolved_at"])
    op.create_index(op.f("ix_comments_project_id_utterance_id"), "comments", ["project_id", "utterance_id"])

    op.create_table(
        "reviews",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("utterance_id", sa.String(length=32), nullable=False),
        sa.Column("layer", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("(layer = 'transcript') = (language = '')", name=op.f("ck_reviews_language")),
        sa.CheckConstraint("layer IN ('transcript', 'translation', 'dub')", name=op.f("ck_reviews_layer")),
        sa.CheckConstraint(
            "state IN ('draft', 'needs_review', 'changes_requested', 'approved', 'locked')",
            name=op.f("ck_reviews_state"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "utterance_id"],
            ["utterances.project_id", "utterances.id"],
            name=op.f("fk_reviews_project_id_utterance_id_utterances"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "utterance_id", "layer", "language", name=op.f("pk_reviews")),
    )
    op.create_index(
        op.f("ix_reviews_project_id_language_layer_state"), "reviews", ["project_id", "language", "layer", "state"]
    )

    op.create_table(
        "takes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("utterance_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("artifact_key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_revision", sa.Integer(), nullable=False),
        sa.Column("utterance_revision", sa.Integer(), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("voice", sa.String(length=255), nullable=False),
        sa.Column("tempo", sa.Double(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("duration_ms >= 0", name=op.f("ck_takes_duration")),
        sa.CheckConstraint("tempo > 0", name=op.f("ck_takes_tempo")),
        sa.CheckConstraint("text_revision >= 0 AND utterance_revision >= 1", name=op.f("ck_takes_revision")),
        sa.ForeignKeyConstraint(
            ["project_id", "utterance_id"],
            ["utterances.project_id", "utterances.id"],
            name=op.f("fk_takes_project_id_utterance_id_utterances"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_takes")),
        sa.UniqueConstraint(
            "project_id", "utterance_id", "language", "id", name=op.f("uq_takes_project_id_utterance_id_language_id")
        ),
    )
    op.create_index(op.f("ix_takes_artifact_key"), "takes", ["artifact_key"])

    op.create_table(
        "translations",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("utterance_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("source_revision", sa.Integer(), nullable=False),
        sa.Column("edited_by_person", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("revision >= 1 AND source_revision >= 1", name=op.f("ck_translations_revision")),
        sa.ForeignKeyConstraint(
            ["project_id", "utterance_id"],
            ["utterances.project_id", "utterances.id"],
            name=op.f("fk_translations_project_id_utterance_id_utterances"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "utterance_id", "language", name=op.f("pk_translations")),
    )
    op.create_index(op.f("ix_translations_project_id_language"), "translations", ["project_id", "language"])

    op.create_table(
        "chosen_takes",
        sa.Column("project_id", sa.String(length=32), nullable=False),
        sa.Column("utterance_id", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("take_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "utterance_id", "language", "take_id"],
            ["takes.project_id", "takes.utterance_id", "takes.language", "takes.id"],
            name="fk_chosen_takes_take",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("project_id", "utterance_id", "language", name=op.f("pk_chosen_takes")),
    )


def downgrade() -> None:
    op.drop_table("chosen_takes")
    op.drop_table("translations")
    op.drop_table("takes")
    op.drop_table("reviews")
    op.drop_table("comments")
    op.drop_table("utterances")
    op.drop_table("speaker_voices")
    op.drop_table("user_roles")
    op.drop_table("terms")
    op.drop_table("stage_runs")
    op.drop_table("speakers")
    op.drop_table("pronunciations")
    op.drop_table("project_targets")
    op.drop_table("memory_units")
    op.drop_table("memberships")
    op.drop_table("jobs")
    op.drop_table("history")
    op.drop_table("forbidden_terms")
    op.drop_table("exports")
    op.drop_table("workers")
    op.drop_table("users")
    op.drop_table("projects")
    op.drop_table("consents")
