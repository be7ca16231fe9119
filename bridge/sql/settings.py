"""Where the tables of a service are: the settings DB_*, under the names of the legacy installation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


class SqlSettings(BaseSettings):
    """The part of a service's settings that names its database."""

    db_host: str | None = Field(
        validation_alias="DB_HOST",
        default=None,
        description="MySQL or MariaDB; none: SQLite in the data directory.",
    )
    db_port: int = Field(validation_alias="DB_PORT", default=3306, ge=1, le=65535, description="Its port.")
    db_user: str = Field(validation_alias="DB_USER", default="root", description="Its user.")
    db_password: SecretStr = Field(
        validation_alias="DB_PASSWORD", default=SecretStr(""), description="The user's password."
    )
    db_database: str | None = Field(
        validation_alias="DB_DATABASE", default=None, description="The legacy installation's database."
    )

    @model_validator(mode="after")
    def _check_database(self) -> Self:
        if self.db_host and not self.db_database:
            raise ValueError("DB_HOST needs DB_DATABASE")
        return self

    def url_of(self, file: Path) -> URL:
        """The server's database, or this SQLite file."""
        from sqlalchemy.engine import URL  # not at the top: the bridge reads the names of these settings

        if self.db_host:
            return URL.create(
                "mysql+aiomysql",
                self.db_user,
                self.db_password.get_secret_value(),
                self.db_host,
                self.db_port,
                self.db_database,
                {"charset": "utf8mb4"},
            )
        return URL.create("sqlite+aiosqlite", database=str(file))
