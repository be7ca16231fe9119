"""Moments of the legacy tables as unix seconds: they are kept by the server's clock and zone, whatever that is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Double, cast, func


def unix(column: Column[Any], is_sqlite: bool) -> ColumnElement[float]:
    """The column as unix seconds."""
    seconds = func.strftime("%s", column) if is_sqlite else func.unix_timestamp(column)
    return cast(seconds, Double)
