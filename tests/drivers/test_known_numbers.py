"""What is remembered of look-ups, and for how long."""

from __future__ import annotations

from bridge.drivers.web.number_cache import FOUND_FOR, KEPT, MISSING_FOR, NumberCache

BOTH = ["5491155500001", "541155500001"]


def test_an_answer_is_kept_for_its_time() -> None:
    known = NumberCache()
    assert known.spellings("541155500001", BOTH, 0) == BOTH
    known.note("541155500001", "5491155500001", 0)
    assert known.spellings("541155500001", BOTH, FOUND_FOR - 1) == ["5491155500001"]
    assert known.spellings("541155500001", BOTH, FOUND_FOR) == BOTH
    known.note("541155500001", None, 0)
    assert known.spellings("541155500001", BOTH, MISSING_FOR - 1) == []
    assert known.spellings("541155500001", BOTH, MISSING_FOR) == BOTH


def test_the_oldest_answers_make_room() -> None:
    known = NumberCache()
    for number in range(KEPT + 1):
        known.note(str(number), None, 0)
    assert known.spellings("0", BOTH, 1) == BOTH
    assert known.spellings("1", BOTH, 1) == []
