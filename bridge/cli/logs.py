"""Logging of a service: one line an event, to standard error, for people or for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from bridge.contract.payload import rfc3339

#: Libraries that tell more than an operator wants to know.
_QUIET = ("uvicorn.error", "uvicorn.access", "mqtt", "amqtt", "transitions", "asyncio", "httpx")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        event = {
            "at": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("session", "trace"):  # `trace`: the id under which `wa trace` finds it
            if (value := getattr(record, name, None)) is not None:
                event[name] = value
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def start_logging(level: str, form: str, *, handler: logging.Handler | None = None) -> None:
    """Send the log to standard error, or to `handler`, which then has a form of its own."""
    if handler is None:
        handler = logging.StreamHandler(sys.stderr)
        text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        handler.setFormatter(JsonFormatter() if form == "json" else text)
    elif handler.formatter is None:
        handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
