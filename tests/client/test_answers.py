"""The progress of a command, from answers in any order."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.client.answers import Progress, ReceivedAnswer, Until
from bridge.contract.lifecycle import AckName
from bridge.contract.messages import Ack, ErrorInfo, Result, ResultStatus

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def result(status: str, code: str | None = None) -> Result:
    error = ErrorInfo(code=code, text="…", transient=False) if code else None
    return Result(session="haby", id="pedido-7", status=ResultStatus(status), error=error, at=NOW)


def reply(status: str, code: str | None = None) -> ReceivedAnswer:
    return ReceivedAnswer(result(status, code), direct=True)


def published(status: str) -> ReceivedAnswer:
    return ReceivedAnswer(result(status), direct=False)


def tick(name: str) -> ReceivedAnswer:
    return ReceivedAnswer(
        Ack(session="haby", id="pedido-7", message_id="true_x", ack=AckName(name), at=NOW), direct=False
    )


@pytest.mark.parametrize(
    ("until", "received", "changes", "over"),
    [
        ("sent", [reply("accepted")], 1, False),
        ("sent", [reply("accepted"), reply("accepted"), reply("sent")], 2, True),
        ("sent", [reply("sent"), reply("accepted")], 1, True),
        ("accepted", [reply("accepted")], 1, True),
        ("accepted", [reply("failed", "refused")], 1, True),
        ("sent", [reply("failed", "conflict")], 1, True),
        ("sent", [reply("accepted"), reply("failed", "conflict")], 1, False),
        ("sent", [reply("unknown"), reply("sent")], 2, True),
        ("sent", [tick("server")], 1, False),
        ("device", [reply("sent"), tick("server")], 2, False),
        ("device", [tick("device"), tick("server"), reply("sent")], 2, True),
        ("device", [reply("sent"), tick("read")], 2, True),
        ("read", [reply("sent"), tick("device"), tick("played")], 3, True),
        ("read", [reply("failed", "expired")], 1, True),
        ("read", [reply("unknown")], 1, True),
        ("read", [reply("sent"), tick("error"), tick("error")], 2, True),
    ],
)
def test_changes_and_the_end_of_a_command(
    until: Until, received: list[ReceivedAnswer], changes: int, over: bool
) -> None:
    progress = Progress(until)
    assert sum(progress.take(one) for one in received) == changes
    assert progress.is_over is over


def test_a_published_result_waits_for_the_reply() -> None:
    progress = Progress("sent")
    assert not progress.take(published("sent"))  # of an earlier command with this id
    assert progress.take(reply("failed", "conflict"))
    assert progress.accept_broadcast() is None
    assert progress.result == result("failed", "conflict")


def test_a_published_result_is_used_without_a_reply() -> None:
    progress = Progress("sent")
    progress.take(published("sent"))
    assert progress.accept_broadcast() == result("sent")
    assert progress.is_over
    assert progress.accept_broadcast() is None
