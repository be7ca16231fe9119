"""aiomysql without cryptography, until a server asks for it: 8 MB of Rust that only MySQL's log-ins by RSA need.

pymysql imports three modules of it as soon as it is imported itself. While it is, their packages show stand-ins in
their places, which import the module behind them when something of it is used.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_PACKAGE = "cryptography.hazmat.primitives"
_PARTS = (f"{_PACKAGE}.hashes", f"{_PACKAGE}.serialization", f"{_PACKAGE}.asymmetric.padding")


def load_driver() -> None:
    if "pymysql" not in sys.modules:
        with _standing_in():
            importlib.import_module("pymysql")
    importlib.import_module("aiomysql")


class _StandIn(ModuleType):
    """Looks like the module of its name. The standard library's LazyLoader cannot: a module that is loaded replaces
    itself by another (cryptography's way of saying that a name is deprecated)."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _standing_in() -> Iterator[None]:
    """Stand-ins for what is not loaded yet. `from package import part` asks the package for an attribute first."""
    placed = []
    for name in _PARTS:
        package, _, part = name.rpartition(".")
        parent = importlib.import_module(package)
        if not hasattr(parent, part):
            setattr(parent, part, _StandIn(name))
            placed.append((parent, part))
    try:
        yield
    finally:
        for parent, part in placed:
            if isinstance(getattr(parent, part), _StandIn):
                delattr(parent, part)
