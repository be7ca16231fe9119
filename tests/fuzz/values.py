"""Strategies for untrusted bytes: any JSON, and nearly valid documents, which get further into a parser."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: Examples of a property, always the same, so that a red run is red again. WA_FUZZ_EXAMPLES=20000 looks further.
EXAMPLES = int(os.environ.get("WA_FUZZ_EXAMPLES", "300"))
BUDGET = settings(
    max_examples=EXAMPLES,
    derandomize="WA_FUZZ_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

#: Any character that JSON can carry, halves of surrogate pairs and NUL included.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
ADDRESSES = st.sampled_from(
    [
        "5491155500001@c.us",
        "5491155500001:12@s.whatsapp.net",
        "123456789012345@lid",
        "120363000000000001@g.us",
        "status@broadcast",
        "0@c.us",
        "@",
        "a@b@c",
        "5491155500001",
        "+54 9 11 5550-0001",
        "x" * 300,
        "\ud800@c.us",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    ANY_TEXT,
    ADDRESSES,
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4), max_leaves=12
)


def nearly(fields: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Documents with some of these fields, mostly valid, sometimes with an unknown field."""
    known = {name: st.one_of(right, right, right, JSON) for name, right in fields.items()}
    return st.builds(
        lambda mine, foreign: {**foreign, **mine},
        st.fixed_dictionaries({}, optional=known),
        st.one_of(st.just({}), st.just({}), st.dictionaries(ANY_TEXT, JSON, max_size=2)),
    )


def written(value: Any) -> bytes:
    """JSON as a careless client writes it: NaN, and halves of surrogate pairs, escaped or raw."""
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value).encode()
