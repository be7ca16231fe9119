"""What a database may answer instead of rows."""

from __future__ import annotations

from bridge.contract.errors import CodedError


class DatabaseDown(CodedError):
    """The database does not answer at present."""

    code = "database_down"


class StatementLost(DatabaseDown):
    """The connection ended during a statement: the server went down, or the statement is larger than it takes."""


class DatabaseUnusable(CodedError):
    """The database answers but cannot be used: wrong password, no such database, a newer schema."""

    code = "database_unusable"
    transient = False
