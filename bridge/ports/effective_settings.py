"""A setting as an operator sees it: the value in force, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SettingSource(StrEnum):
    """Where a value comes from. The environment comes before `.env`."""

    DEFAULT = "default"
    FILE = ".env"
    ENVIRONMENT = "environment"
    PROGRAM = "wa up"  # the command that runs the bridge has set it
    REGISTRY = "registry"  # changed while the bridge runs, for one session or more


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """`value` is for display, without secrets; `default` is as it is written, None for none or the machine's own.

    `is_set` is whether there is a value at all. `live`: it can be changed while the bridge runs. `waits`: `.env` has
    another value by now, which the next start takes.
    """

    name: str
    value: str
    source: SettingSource
    description: str
    default: str | None = None
    secret: bool = False
    is_set: bool = True
    live: bool = False
    waits: bool = False
