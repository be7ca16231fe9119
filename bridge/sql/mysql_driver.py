"""aiomysql without cryptography until a server needs it: 8 MB of Rust that only MySQL's logins by RSA use.

pymysql imports three of its modules when it is imported. During that import their packages hold lazy modules instead,
which import the real module when an attribute is used.
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
        with _lazy_modules():
            importlib.import_module("pymysql")
    importlib.import_module("aiomysql")


class _LazyModule(ModuleType):
    """Imports the module of its name on use. The standard library's LazyLoader cannot: these modules replace themselves
    in sys.modules while they load (how cryptography deprecates names)."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _lazy_modules() -> Iterator[None]:
    """Install lazy modules for what is not loaded. `from package import part` reads the package's attribute first."""
    installed = []
    for name in _PARTS:
        package, _, part = name.rpartition(".")
        parent = importlib.import_module(package)
        if not hasattr(parent, part):
            setattr(parent, part, _LazyModule(name))
            installed.append((parent, part))
    try:
        yield
    finally:
        for parent, part in installed:
            if isinstance(getattr(parent, part), _LazyModule):
                delattr(parent, part)
