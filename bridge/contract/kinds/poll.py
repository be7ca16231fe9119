"""Polls; `body` is the question."""

from __future__ import annotations

from bridge.contract.kinds.received import Noun, ReceivedKind

RECEIVED = ReceivedKind(kind="poll", types=("poll_creation",), noun=Noun("poll", "encuesta", "📊"))
