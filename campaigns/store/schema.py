"""The tables (`wa_campaign…`), for MySQL, MariaDB and SQLite. Moments are unix seconds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from bridge.sql.migrations import Schema

metadata = MetaData()
SCHEMA = Schema(
    service="campaigns service",
    package="campaigns.store",
    head="0003",
    version_table="wa_campaign_schema",
    tables=metadata,
)
_ID = BigInteger().with_variant(Integer(), "sqlite")  # SQLite generates ids for INTEGER only
#: MEDIUMTEXT on MySQL, which this length selects: WhatsApp's 65,536 characters are up to 256 KB.
_LONG = Text().with_variant(Text(2**22 - 1), "mysql", "mariadb")
#: Full Unicode and transactions, whatever the server's defaults.
_SERVER: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}


def _exact(length: int) -> TypeEngine[str]:
    """Text that is compared as it is; MySQL would ignore case and accents."""
    exact = String(length, collation="utf8mb4_bin")
    return String(length).with_variant(exact, "mysql", "mariadb")


campaigns = Table(
    "wa_campaign",
    metadata,
    Column("id", _exact(64), primary_key=True),
    Column("session", _exact(64), nullable=False),
    Column("name", String(120), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("plan", _LONG, nullable=False),  # JSON, without the recipients
    Column("digest", String(64)),  # of the plan with its recipients; NULL in rows of an earlier version
    Column("seed", BigInteger, nullable=False),
    Column("bad_rows", _LONG, nullable=False),  # JSON, the first of them
    Column("bad_row_count", Integer, nullable=False),
    Column("planned_at", Double),  # NULL while recipients are written; such a campaign is deleted at the next start
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Index("ix_wa_campaign_state", "state"),
    **_SERVER,
)

recipients = Table(
    "wa_campaign_recipient",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("campaign", _exact(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("recipient", _exact(64), nullable=False),
    Column("person", _exact(96), nullable=False),  # the number in the form in which people are compared
    Column("chat", _exact(96)),  # that it was sent to, where it is not that of the number
    Column("name", String(200)),
    Column("vars", _LONG, nullable=False),  # JSON
    Column("meta", _LONG),  # JSON
    Column("question", _LONG),  # what is sent first, with `ask_first`
    Column("text", _LONG, nullable=False),
    Column("state", String(16), nullable=False),
    Column("code", String(64)),
    Column("error", Text),
    Column("stage", SmallInteger, nullable=False),  # 0: the question, or the only text; 1: the text after a yes
    Column("attempt", Integer, nullable=False),
    Column("epoch", _exact(64)),  # of the bridge's store that may have claimed the command
    Column("claimed_at", Double),
    Column("asked_at", Double),  # of a recipient that said yes: when its question was claimed
    Column("expires_at", Double),
    Column("sent_at", Double),
    Column("delivered_at", Double),
    Column("read_at", Double),
    Column("answered_at", Double),
    Column("answer", Text),
    UniqueConstraint("campaign", "n", name="uq_wa_campaign_recipient"),
    Index("ix_wa_campaign_recipient_state", "campaign", "state", "stage", "n"),
    Index("ix_wa_campaign_recipient_open", "state", "campaign"),
    Index("ix_wa_campaign_recipient_claimed", "campaign", "claimed_at"),
    Index("ix_wa_campaign_recipient_asked", "campaign", "asked_at"),
    Index("ix_wa_campaign_recipient_person", "person", "claimed_at"),
    Index("ix_wa_campaign_recipient_chat", "chat"),
    **_SERVER,
)

lists = Table(
    "wa_campaign_list",
    metadata,
    Column("id", _exact(64), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("tags", _LONG, nullable=False),  # JSON
    Column("columns", _LONG, nullable=False),  # JSON
    Column("bad_rows", _LONG, nullable=False),  # JSON, the first of them
    Column("bad_row_count", Integer, nullable=False),
    Column("duplicates", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("complete", SmallInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    **_SERVER,
)

contacts = Table(
    "wa_campaign_contact",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("list", _exact(64), nullable=False),
    Column("line", Integer, nullable=False),
    Column("recipient", _exact(64), nullable=False),
    Column("person", _exact(96), nullable=False),
    Column("name", String(200)),
    Column("vars", _LONG, nullable=False),  # JSON
    Column("tags", Text, nullable=False),  # JSON
    UniqueConstraint("list", "person", name="uq_wa_campaign_contact"),
    Index("ix_wa_campaign_contact_list", "list", "id"),
    **_SERVER,
)

opt_outs = Table(
    "wa_campaign_opt_out",
    metadata,
    Column("person", _exact(96), primary_key=True),
    Column("at", Double, nullable=False),
    Column("source", String(16), nullable=False),
    **_SERVER,
)

#: People who are opted out with the responder and whom an operator took off the list here.
opt_ins = Table("wa_campaign_opt_in", metadata, Column("person", _exact(96), primary_key=True), **_SERVER)

#: Ids of deleted campaigns that were started: the bridge remembers their commands and would answer the old results.
used_ids = Table("wa_campaign_used_id", metadata, Column("id", _exact(64), primary_key=True), **_SERVER)

#: When each person wrote last, and the address that WhatsApp shows instead of the number.
heard = Table(
    "wa_campaign_heard",
    metadata,
    Column("session", _exact(64), primary_key=True),
    Column("person", _exact(96), primary_key=True),
    Column("at", Double, nullable=False),
    Index("ix_wa_campaign_heard_at", "at"),
    **_SERVER,
)

cursors = Table(
    "wa_campaign_cursor",
    metadata,
    Column("session", _exact(64), primary_key=True),
    Column("epoch", _exact(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    **_SERVER,
)
