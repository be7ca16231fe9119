"""What a plan said, as a digest: the same plan with the same id, posted again, is answered with the first campaign."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # The first migration makes the tables of `schema.py` as it is.
    found = sa.inspect(op.get_bind()).get_columns("wa_campaign")
    if "digest" not in {column["name"] for column in found}:
        op.add_column("wa_campaign", sa.Column("digest", sa.String(64)))
