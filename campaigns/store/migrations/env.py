"""Alembic's entry point: runs on the caller's connection, never opens one."""

from __future__ import annotations

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    version_table=config.attributes["version_table"],
    transactional_ddl=False,  # MySQL commits each DDL statement; every step is repeatable
)
context.run_migrations()
