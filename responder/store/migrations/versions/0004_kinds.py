"""What kind of message each is, and the name of its file or place, beside the text: two columns of `wa_message`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    columns = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("wa_message")}
    for name, length in (("kind", 32), ("title", 200)):
        if name not in columns:
            op.add_column("wa_message", sa.Column(name, sa.String(length)))
