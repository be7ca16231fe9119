"""Which lookups are cached, and for how long."""

from __future__ import annotations

from bridge.drivers.web.number_cache import FOUND_TTL, MAX_ENTRIES, MISSING_TTL, NumberCache

BOTH = ["5491155500001", "541155500001"]


def test_an_answer_expires() -> None:
    cache = NumberCache()
    assert cache.spellings("541155500001", BOTH, 0) == BOTH
    cache.store("541155500001", "5491155500001", 0)
    assert cache.spellings("541155500001", BOTH, FOUND_TTL - 1) == ["5491155500001"]
    assert cache.spellings("541155500001", BOTH, FOUND_TTL) == BOTH
    cache.store("541155500001", None, 0)
    assert cache.spellings("541155500001", BOTH, MISSING_TTL - 1) == []
    assert cache.spellings("541155500001", BOTH, MISSING_TTL) == BOTH


def test_the_oldest_answers_are_evicted() -> None:
    cache = NumberCache()
    for number in range(MAX_ENTRIES + 1):
        cache.store(str(number), None, 0)
    assert cache.spellings("0", BOTH, 1) == BOTH
    assert cache.spellings("1", BOTH, 1) == []
