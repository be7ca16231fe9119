"""Payloads that nobody meant, as hypothesis makes them up. None that a bridge would carry out."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

_KEYS = st.sampled_from(
    (
        "id",
        "to",
        "message",
        "ttl",
        "expires_at",
        "priority",
        "reply_topic",
        "transaction",
        "meta",
        "kind",
        "request",
        "reader",
        "after",
        "epoch",
        "seq",
        "stream",
        "limit",
        "v",
        "phone",
        "__proto__",
        "",
    )
)
_NEAR = st.sampled_from(
    (
        "5491155500001",
        "5491155500001@c.us",
        "@",
        "a@b@c",
        "120363000000000001@g.us",
        "status@broadcast",
        "+ + +",
        "in",
        "event",
        "bulk",
        "haby",
        "wa/haby/control",
        "2026-01-01T00:00:00Z",
        "9999-99-99",
        "1e999",
        "null",
    )
)
_TEXTS = st.text(st.characters(), max_size=40) | _NEAR
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS | _TEXTS, inner, max_size=5),
    max_leaves=12,
)
_JSON = _VALUES.map(lambda value: json.dumps(value).encode())
#: A command of which one field is none, so that it is refused whatever the others say.
_COMMANDS = st.fixed_dictionaries(
    {"nobody": _VALUES}, optional=dict.fromkeys(("id", "to", "message", "ttl", "meta", "reply_topic"), _VALUES)
).map(lambda fields: json.dumps(fields).encode())
_REPLAYS = st.fixed_dictionaries(
    {"request": _TEXTS, "reader": _TEXTS}, optional=dict.fromkeys(("after", "stream", "limit"), _VALUES)
).map(lambda fields: json.dumps(fields).encode())
_CONTROLS = st.fixed_dictionaries({"action": _VALUES}, optional={"id": _VALUES, "phone": _VALUES}).map(
    lambda fields: json.dumps(fields).encode()
)
_CUT = st.tuples(_COMMANDS, st.integers(1, 60)).map(lambda pair: pair[0][: pair[1]])
_NESTED = st.integers(10, 50_000).map(lambda depth: b"[" * depth)
_RUBBISH = st.binary(max_size=200) | _JSON | _CUT | _NESTED

#: (leaf, payload): where it goes, and what.
POISON: st.SearchStrategy[tuple[str, bytes]] = st.one_of(
    st.tuples(st.sampled_from(("out", "out/x", "out/99", "control", "replay")), _RUBBISH),
    st.tuples(st.just("out"), _COMMANDS),
    st.tuples(st.just("replay"), _REPLAYS),
    st.tuples(st.just("control"), _CONTROLS),
)


def poison(count: int, number: int) -> list[tuple[str, bytes]]:
    """So many, from a seed."""
    made: list[tuple[str, bytes]] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(POISON)
    def make(one: tuple[str, bytes]) -> None:
        made.append(one)

    make()
    return made
