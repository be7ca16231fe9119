"""When the question of `ask_first` was published; ids of deleted campaigns; opt-outs of the responder that were undone.

The first migration makes the tables of `schema.py` as it is, so every step here checks first whether it is needed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_RECIPIENTS, _ASKED = "wa_campaign_recipient", "ix_wa_campaign_recipient_asked"


def upgrade() -> None:
    bind = op.get_bind()
    found = sa.inspect(bind)
    if "asked_at" not in {column["name"] for column in found.get_columns(_RECIPIENTS)}:
        op.add_column(_RECIPIENTS, sa.Column("asked_at", sa.Double))
    if _ASKED not in {index["name"] for index in found.get_indexes(_RECIPIENTS)}:
        op.create_index(_ASKED, _RECIPIENTS, ["campaign", "asked_at"])
    tables = set(found.get_table_names())
    for name, key, length in (("wa_campaign_used_id", "id", 64), ("wa_campaign_opt_in", "person", 96)):
        if name not in tables:
            exact = sa.String(length, collation=None if bind.dialect.name == "sqlite" else "utf8mb4_bin")
            op.create_table(
                name,
                sa.Column(key, exact, primary_key=True),
                mysql_engine="InnoDB",
                mysql_charset="utf8mb4",
            )
