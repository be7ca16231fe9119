"""Fixtures of the fuzz tests: a session of the core's tests."""

from __future__ import annotations

from tests.core.conftest import harness

__all__ = ["harness"]
