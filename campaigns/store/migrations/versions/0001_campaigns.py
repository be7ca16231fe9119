"""The first tables of the campaigns service."""

from __future__ import annotations

from alembic import op

from campaigns.store.schema import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
