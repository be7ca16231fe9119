"""The responder's schema; the first migration adopts the tables of a legacy installation."""

from __future__ import annotations

from bridge.sql.migrations import Schema

SCHEMA = Schema(service="responder", package="responder.store", head="0004", version_table="wa_schema")
