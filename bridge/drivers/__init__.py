"""The drivers. Each is a package with a descriptor, listed here and imported when it is selected."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, cast, get_args

if TYPE_CHECKING:
    from bridge.ports import DriverKind

DriverName = Literal["web", "scripted"]
DRIVERS: tuple[str, ...] = get_args(DriverName)


def driver_kind(name: str) -> DriverKind:
    """The kind of this name, one of `DRIVERS`."""
    return cast("DriverKind", import_module(f"bridge.drivers.{name}.descriptor").KIND)
