"""What every service process sets up first: private file modes and the log.

Log lines go to standard error, one per event, as text for people or as JSON for machines.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from bridge.cli.foreign_text import LogFormatter, escaped_json
from bridge.cli.repeated_lines import RepeatedLines
from bridge.contract.payload import rfc3339

_log = logging.getLogger(__name__)
#: The file that the settings are read from, besides the environment.
_SETTINGS_FILE = Path(".env")
#: Libraries that log more than an operator needs.
_VERBOSE_LOGGERS = ("uvicorn.error", "uvicorn.access", "mqtt", "amqtt", "transitions", "asyncio", "httpx")


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "at": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("session", "trace"):  # `trace`: the id to pass to `wa trace`
            if (value := getattr(record, name, None)) is not None:
                event[name] = value
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return escaped_json(json.dumps(event, ensure_ascii=False))


def start_logging(
    level: str, form: str, *, handler: logging.Handler | None = None, ring: logging.Handler | None = None
) -> None:
    """Log to standard error as `form` ("text" or "json"), or to `handler`, which ignores `form`.

    `ring` has a level of its own: it gets the lines of that level, too, where `level` is higher.
    """
    if handler is None:
        handler = logging.StreamHandler(sys.stderr)
        text = LogFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        handler.setFormatter(JsonFormatter() if form == "json" else text)
    elif handler.formatter is None:
        handler.setFormatter(LogFormatter("%(message)s"))
    handler.addFilter(RepeatedLines())
    handler.setLevel(level)
    handlers = [handler] if ring is None else [handler, ring]
    lowest = min(one.level for one in handlers)
    if ring is not None:
        ring.addFilter(RepeatedLines())
    logging.basicConfig(level=lowest, handlers=handlers, force=True)
    for name in _VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def restrict_file_modes() -> None:
    """Make every new file private to this user, and warn if other users can read the settings file.

    Logins, messages and passwords get their modes where they are created; this covers the files that libraries create.
    """
    os.umask(0o077)
    try:
        mode = _SETTINGS_FILE.stat().st_mode
    except OSError:
        return
    if mode & 0o077:
        _log.warning(
            "Other users can read %s, which may hold passwords: chmod 600 %s",
            _SETTINGS_FILE.absolute(),
            _SETTINGS_FILE,
        )
