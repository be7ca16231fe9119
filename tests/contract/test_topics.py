"""Topics: a built topic is parsed back, under any prefix; no other text is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.errors import InvalidRequest
from bridge.contract.topics import Leaf, SessionTopic, Topics, check_prefix, check_session_name

LEVELS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
NAMES = LEVELS.filter(lambda name: name not in ("bridge", "responder"))
PREFIXES = st.lists(LEVELS, min_size=1, max_size=3).map("/".join)


@given(PREFIXES, NAMES, st.sampled_from(Leaf), st.none() | LEVELS)
def test_a_built_topic_is_parsed_back(prefix: str, session: str, leaf: Leaf, tail: str | None) -> None:
    topics = Topics(check_prefix(prefix))
    assert topics.parse(topics.session(session, leaf, tail)) == SessionTopic(session, leaf, tail)


@given(PREFIXES, st.text())
def test_parsing_any_text_raises_nothing(prefix: str, topic: str) -> None:
    topics = Topics(prefix)
    for candidate in (topic, f"{prefix}/{topic}", f"{prefix}/haby/{topic}"):
        parsed = topics.parse(candidate)
        assert parsed is None or topics.session(parsed.session, parsed.leaf, parsed.tail) == candidate


def test_the_topics_of_a_session() -> None:
    topics = Topics("home/wa")
    assert [
        topics.inbound("haby"),
        topics.event("haby"),
        topics.out("haby"),
        topics.out("haby", "5491155500001"),
        topics.result("haby"),
        topics.ack("haby"),
        topics.replay("haby"),
        topics.replay("haby", "till"),
        topics.reply("haby", "till"),
        topics.control("haby"),
        topics.request("haby"),
        topics.response("haby"),
        topics.status("haby"),
        topics.qr("haby"),
        topics.bridge_status("shop"),
    ] == [
        "home/wa/haby/in",
        "home/wa/haby/event",
        "home/wa/haby/out",
        "home/wa/haby/out/5491155500001",
        "home/wa/haby/result",
        "home/wa/haby/ack",
        "home/wa/haby/replay",
        "home/wa/haby/replay/till",
        "home/wa/haby/reply/till",
        "home/wa/haby/control",
        "home/wa/haby/request",
        "home/wa/haby/response",
        "home/wa/haby/status",
        "home/wa/haby/qr",
        "home/wa/bridge/shop/status",
    ]
    # `control` is not among them: it is subscribed at QoS 0, so that no old action is carried out after a reconnect
    assert topics.commands("haby") == (
        "home/wa/haby/out",
        "home/wa/haby/out/+",
        "home/wa/haby/out/+/+/#",
        "home/wa/haby/replay",
        "home/wa/haby/request",
    )


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "wa",
        "wa/",
        "wa/haby",
        "wa/haby/",
        "wa/haby/nothing",
        "wa/haby/replay/1/2",
        "wa/haby/replay/",
        "wa//out",
        "wa/bridge/out",
        "wa/bridge/shop/status",
        "wa/responder/1/config",
        "other/haby/out",
        "xwa/haby/out",
        "wa/haby/reply/549@c.us",
        "wa/haby/reply/+",
        "wa/haby/#",
        "wa/ha.by/out",
        "wa/haby/OUT",
        "/wa/haby/out",
    ],
)
def test_other_topics_are_not_parsed(topic: str) -> None:
    assert Topics("wa").parse(topic) is None


@pytest.mark.parametrize("recipient", ["549@c.us", "54 9", "", "1/2", "é/"])
def test_whatever_follows_out_is_a_recipient(recipient: str) -> None:
    assert Topics("wa").parse(f"wa/haby/out/{recipient}") == SessionTopic("haby", Leaf.OUT, recipient)


@pytest.mark.parametrize(
    "name", ["bridge", "responder", "", "a/b", "a.b", "a b", "ñ", "+", "#", "$SYS", "x" * 65, "a\n"]
)
def test_names_that_no_session_may_have(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_session_name(name)


@pytest.mark.parametrize("prefix", ["", "/", "a//b", "a/+", "#", "a.b", "a/b c", "wa\n"])
def test_prefixes_that_are_refused(prefix: str) -> None:
    with pytest.raises(InvalidRequest):
        check_prefix(prefix)


def test_outer_slashes_of_a_prefix_are_dropped() -> None:
    assert check_prefix("/home/wa/") == "home/wa"


@pytest.mark.parametrize(
    ("topic", "client"),
    [
        ("wa/haby/reply/till-3", "till-3"),
        ("wa/haby/reply", None),
        ("wa/other/reply/till-3", None),
        ("wa/haby/result/till-3", None),
        ("wa/haby/reply/till/3", None),
        ("wa/haby/reply/+", None),
        ("home/reply/till-3", None),
    ],
)
def test_only_a_reply_topic_of_the_session_names_a_client(topic: str, client: str | None) -> None:
    assert Topics("wa").reply_client("haby", topic) == client
