"""How each program reads its settings, from the environment and `.env`, and why they cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from bridge.contract.faults import said_of

ENV_FILE = ".env"


class ProgramSettings(BaseSettings):
    """What the settings of each program have in common. Read with `read_settings`."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Without the fields' own names, which `populate_by_name` adds: PORT is the responder's, no other program's.

        Without a source that has no setting: to ask it for each field takes as long as all the rest of the reading.
        """
        names = {str(field.validation_alias or name).lower() for name, field in settings_cls.model_fields.items()}
        sources = [init_settings]
        for source in (env_settings, dotenv_settings):
            if isinstance(source, EnvSettingsSource):  # as both are
                source.env_vars = {name: value for name, value in source.env_vars.items() if name.lower() in names}
                if source.env_vars:
                    sources.append(source)
        return tuple(sources)


_Settings = TypeVar("_Settings", bound=ProgramSettings)


def read_settings(model: type[_Settings], wrong: Callable[[str], Exception], **overrides: Any) -> _Settings:
    """The settings in force. Raises `wrong` with a sentence about a file that cannot be read, or wrong variables."""
    if fault := _file_fault(model):
        raise wrong(fault)
    try:
        return model(**overrides)
    except ValidationError as error:
        raise wrong(_settings_fault(model, error)) from error


def _file_fault(model: type[BaseModel]) -> str | None:
    """What is wrong with `.env`, which is ignored otherwise: a folder, no text, a line that is no setting."""
    path = Path(ENV_FILE)
    if path.is_dir():
        return f"{ENV_FILE} is a folder. Settings are read from a file of this name: rename the folder."
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return encoding_fault(ENV_FILE, content) or _line_fault(model, content.decode("utf-8-sig"))


def _line_fault(model: type[BaseModel], content: str) -> str | None:
    from dotenv.parser import parse_stream

    ours = {str(field.validation_alias) for field in model.model_fields.values()}
    for line in parse_stream(StringIO(content)):
        text = line.original.string
        number = line.original.line + text[: len(text) - len(text.lstrip())].count("\n")
        if line.error:
            return f"{ENV_FILE}, line {number}: not understood. Write NAME=value, or begin the line with #."
        if line.key is not None and line.value is None and line.key.upper() in ours:
            return f"{ENV_FILE}, line {number}: {line.key} has no value. Write {line.key}=value."
    return None


def encoding_fault(name: str, content: bytes) -> str | None:
    """A sentence that names the file, the line and what to do; None for a file in UTF-8."""
    if b"\0" in content:
        return f"{name} is not UTF-8 but UTF-16, as Windows editors write it. Save it as UTF-8."
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return (
            f"{name}, line {line}: the character with the code 0x{content[error.start]:02X} is not UTF-8. Save the file"
            f" as UTF-8, for example with: iconv -f WINDOWS-1252 -t UTF-8 {name} > new"
        )
    return None


def _settings_fault(model: type[BaseModel], error: ValidationError) -> str:
    """A sentence that names each wrong variable of these settings."""
    # a default that is refused has the field's name in `loc`, not the variable's
    variables = {name: str(field.validation_alias) for name, field in model.model_fields.items()}
    faults = []
    for fault in error.errors(include_url=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else "settings"
        faults.append(f"{variables.get(name, name)}: {said_of(fault)}")
    return f"Wrong settings. {'; '.join(faults)}."
