"""The verdict on each response, the pause before a retry, and which items a filter includes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.messages import Stream
from bridge.contract.signature import signature
from bridge.ports import Failure, PostAnswer, WebhookFilter
from bridge.webhooks.headers import WebhookDelivery
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.retry_policy import PostVerdict, includes, is_taken, judge, retry_pause

LIMITS = WebhookLimits()
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
    assert judge(answered(status), 1, LIMITS) is expected


@pytest.mark.parametrize("failure", sorted(set(Failure) - {Failure.INTERNAL}))
def test_an_item_that_never_reached_the_receiver_is_retried_indefinitely(failure: Failure) -> None:
    assert judge(PostAnswer(failure=failure), 10_000, LIMITS) is PostVerdict.RETRY
    assert judge(PostAnswer(failure=failure), 10_000, LIMITS, legacy=True) is PostVerdict.RETRY


@pytest.mark.parametrize(
    "answer",
    [
        PostAnswer(failure=Failure.TIMED_OUT, received=True),
        PostAnswer(failure=Failure.BROKEN_OFF, received=True),
        answered(504),
    ],
)
@pytest.mark.parametrize(("legacy", "bound"), [(False, LIMITS.unanswered), (True, LIMITS.legacy_unanswered)])
def test_an_item_that_the_receiver_took_and_did_not_answer_has_a_bound(
    answer: PostAnswer, legacy: bool, bound: int
) -> None:
    assert bound <= 20
    assert judge(answer, bound - 1, LIMITS, legacy=legacy) is PostVerdict.RETRY
    assert judge(answer, bound, LIMITS, legacy=legacy) is PostVerdict.REFUSED


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503])
def test_a_temporary_answer_is_not_counted_as_taken(status: int) -> None:
    assert not is_taken(answered(status))
    assert is_taken(answered(504))
    assert is_taken(answered(500))


@pytest.mark.parametrize(
    ("status", "verdict"), [(500, PostVerdict.REFUSED), (501, PostVerdict.REFUSED), (503, PostVerdict.RETRY)]
)
def test_an_item_that_always_causes_a_server_error_is_refused(status: int, verdict: PostVerdict) -> None:
    assert judge(answered(status), LIMITS.server_errors - 1, LIMITS) is PostVerdict.RETRY
    assert judge(answered(status), LIMITS.server_errors, LIMITS) is verdict


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_stay_within_bounds(failures: int, random: float) -> None:
    wait = retry_pause(failures, answered(503), random, LIMITS)
    assert 0.5 <= wait <= LIMITS.retry.limit
    assert wait <= retry_pause(failures + 1, answered(503), 0.999999, LIMITS) or wait >= LIMITS.retry.limit / 2


@given(st.floats(0, 1e9), st.floats(0, 1, exclude_max=True))
def test_a_receiver_may_request_a_longer_pause_up_to_a_limit(asked: float, random: float) -> None:
    wait = retry_pause(1, PostAnswer(status=429, retry_after=asked), random, LIMITS)
    assert wait >= min(asked, LIMITS.longest_retry_after)
    assert wait <= max(1.0, LIMITS.longest_retry_after)


@pytest.mark.parametrize(
    ("chosen", "stream", "item", "expected"),
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
        (WebhookFilter(chats=frozenset({"541155500001@c.us"})), Stream.IN, {"chat": ANA}, True),
        (WebhookFilter(chats=frozenset({"54111555500001@c.us"})), Stream.IN, {"chat": "1@lid", "from_pn": ANA}, True),
        (WebhookFilter(chats=frozenset({"5491155500009@c.us"})), Stream.IN, {"chat": ANA}, False),
        (
            WebhookFilter(frozenset({"own_message"}), frozenset({"541155500001@c.us"})),
            Stream.EVENT,
            {"kind": "own_message", "chat": "1@lid", "from_pn": ANA},
            True,
        ),
        (
            WebhookFilter(frozenset({"alias"}), frozenset({ANA})),
            Stream.EVENT,
            {"kind": "alias", "from_pn": ANA, "from_lid": "1@lid"},
            True,
        ),
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
def test_a_filter_includes_an_item(chosen: WebhookFilter, stream: Stream, item: dict[str, str], expected: bool) -> None:
    assert includes(chosen, stream, item) is expected


def test_a_filter_reads_the_streams_of_its_kinds() -> None:
    assert WebhookFilter().streams == (Stream.IN,)
    assert WebhookFilter(kinds=frozenset({"own_message"})).streams == (Stream.EVENT,)
    assert WebhookFilter(kinds=frozenset({"message", "own_message"})).streams == (Stream.IN, Stream.EVENT)


def test_the_signature_has_the_format_of_github() -> None:
    # The example in GitHub's documentation of this header.
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature("It's a Secret to Everybody", b"Hello, World!") == expected


def test_each_attempt_has_the_same_delivery_id() -> None:
    delivery = WebhookDelivery("abc", "haby", Stream.IN, "e", 7)
    first, second = (delivery.headers(b"{}", attempt=attempt, secret=None) for attempt in (1, 2))
    assert first["X-WA-Delivery"] == second["X-WA-Delivery"] == "abc.e.in.7"
    assert "X-Hub-Signature-256" not in first
