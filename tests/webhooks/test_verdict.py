"""What answers mean, when to try again, what a listener wants: tables and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.messages import Stream
from bridge.ports import Failure, PostAnswer, WebhookFilter
from bridge.webhooks.headers import Delivered, signature
from bridge.webhooks.retry_policy import (
    INDIGESTIBLE,
    LONGEST_RETRY_AFTER,
    RETRY,
    PostVerdict,
    judge,
    pause,
    wants,
)

ANA, GROUP = "5491155500001@c.us", "120363000000000001@g.us"


def answered(status: int) -> PostAnswer:
    return PostAnswer(status=status)


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_one_verdict(status: int) -> None:
    if 200 <= status < 300:
        expected = PostVerdict.DELIVERED
    elif status in (408, 425, 429) or status >= 500:
        expected = PostVerdict.RETRY
    else:
        expected = PostVerdict.REFUSED
    assert judge(answered(status), 1) is expected


@pytest.mark.parametrize("failure", Failure)
def test_silence_is_tried_again_for_ever(failure: Failure) -> None:
    assert judge(PostAnswer(failure=failure), 10_000) is PostVerdict.RETRY


@pytest.mark.parametrize(
    ("status", "verdict"), [(500, PostVerdict.REFUSED), (501, PostVerdict.REFUSED), (503, PostVerdict.RETRY)]
)
def test_an_item_that_only_ever_makes_the_receiver_fail_is_given_up(status: int, verdict: PostVerdict) -> None:
    assert judge(answered(status), INDIGESTIBLE - 1) is PostVerdict.RETRY
    assert judge(answered(status), INDIGESTIBLE) is verdict


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_stay_within_bounds(failures: int, random: float) -> None:
    wait = pause(failures, answered(503), random)
    assert 0.5 <= wait <= RETRY.limit
    assert wait <= pause(failures + 1, answered(503), 0.999999) or wait >= RETRY.limit / 2


@given(st.floats(0, 1e9), st.floats(0, 1, exclude_max=True))
def test_a_receiver_may_ask_for_a_longer_pause_within_reason(asked: float, random: float) -> None:
    wait = pause(1, PostAnswer(status=429, retry_after=asked), random)
    assert wait >= min(asked, LONGEST_RETRY_AFTER)
    assert wait <= max(1.0, LONGEST_RETRY_AFTER)


@pytest.mark.parametrize(
    ("choice", "stream", "item", "expected"),
    [
        (WebhookFilter(), Stream.IN, {"chat": ANA}, True),
        (WebhookFilter(), Stream.IN, {"chat": "", "type": "erased"}, False),
        (WebhookFilter(kinds=frozenset({"erased"})), Stream.EVENT, {"kind": "erased"}, False),
        (WebhookFilter(), Stream.IN, {"chat": GROUP}, True),
        (WebhookFilter(), Stream.EVENT, {"kind": "own_message", "chat": ANA}, False),
        (WebhookFilter(groups=False), Stream.IN, {"chat": GROUP}, False),
        (WebhookFilter(groups=False), Stream.IN, {"chat": ANA}, True),
        (WebhookFilter(chats=frozenset({ANA})), Stream.IN, {"chat": ANA}, True),
        (WebhookFilter(chats=frozenset({ANA})), Stream.IN, {"chat": "1@lid", "from_pn": ANA}, True),
        (WebhookFilter(chats=frozenset({"1@lid"})), Stream.IN, {"chat": ANA, "from_lid": "1@lid"}, True),
        (WebhookFilter(chats=frozenset({ANA})), Stream.IN, {"chat": GROUP, "from_pn": ANA}, False),
        (WebhookFilter(chats=frozenset({GROUP})), Stream.IN, {"chat": GROUP, "from_pn": ANA}, True),
        (WebhookFilter(chats=frozenset({GROUP}), groups=False), Stream.IN, {"chat": GROUP}, False),
        (WebhookFilter(kinds=frozenset({"own_message"})), Stream.EVENT, {"kind": "own_message", "chat": ANA}, True),
        (WebhookFilter(kinds=frozenset({"own_message"})), Stream.IN, {"chat": ANA}, False),
        (WebhookFilter(kinds=frozenset({"x"})), Stream.EVENT, {"kind": "x"}, True),
        (WebhookFilter(kinds=frozenset({"x"}), chats=frozenset({ANA})), Stream.EVENT, {"kind": "x"}, False),
    ],
)
def test_what_is_wanted(choice: WebhookFilter, stream: Stream, item: dict[str, str], expected: bool) -> None:
    assert wants(choice, stream, item) is expected


def test_streams_that_hold_what_is_wanted() -> None:
    assert WebhookFilter().streams == (Stream.IN,)
    assert WebhookFilter(kinds=frozenset({"own_message"})).streams == (Stream.EVENT,)
    assert WebhookFilter(kinds=frozenset({"message", "own_message"})).streams == (Stream.IN, Stream.EVENT)


def test_the_signature_is_the_one_that_receivers_know() -> None:
    # The example of GitHub's documentation of this header.
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature("It's a Secret to Everybody", b"Hello, World!") == expected


def test_each_attempt_has_the_same_delivery_id() -> None:
    item = Delivered("abc", "haby", Stream.IN, "e", 7)
    first, second = (item.headers(b"{}", attempt=attempt, secret=None) for attempt in (1, 2))
    assert first["X-WA-Delivery"] == second["X-WA-Delivery"] == "abc.e.in.7"
    assert "X-Hub-Signature-256" not in first
