"""Alembic's entry: runs on the connection that it is given, and never opens one of its own."""

from __future__ import annotations

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    version_table=config.attributes["version_table"],
    transactional_ddl=False,  # MySQL commits each DDL statement by itself, so every step can be run again
)
context.run_migrations()
