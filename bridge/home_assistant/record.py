"""Which retained topics the bridge has left at the broker for Home Assistant: what is to be cleared when it is off."""

from __future__ import annotations

import json
import logging
from collections.abc import Set as AbstractSet
from pathlib import Path

_log = logging.getLogger(__name__)


class RetainedTopics:
    """A set of topics in one file, so that a later run clears what it no longer publishes. None: no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._topics = _read(path)

    @property
    def topics(self) -> frozenset[str]:
        return self._topics

    def add(self, topics: AbstractSet[str]) -> None:
        """Remember topics before they are published."""
        self._write(self._topics | topics)

    def remove(self, topics: AbstractSet[str]) -> None:
        """Forget topics after they were cleared."""
        self._write(self._topics - topics)

    def _write(self, topics: frozenset[str]) -> None:
        if topics == self._topics:
            return
        self._topics = topics
        try:
            if not topics:
                self._path.unlink(missing_ok=True)
                return
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(sorted(topics), indent=1) + "\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:  # a full disk must not end the bridge
            _log.warning("Home Assistant: %s could not be written: %s", self._path, error)


def _read(path: Path) -> frozenset[str]:
    try:
        return frozenset(str(topic) for topic in json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, TypeError) as error:
        _log.warning("Home Assistant: %s cannot be read (%s): what it lists stays at the broker.", path, error)
        return frozenset()
