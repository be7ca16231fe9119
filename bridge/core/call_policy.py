"""What the settings say about calls. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """Whether calls are rejected, and the text that the caller gets; None = none."""

    reject: bool = False
    text: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """`off`, `on`, or the text for the caller. Raises `ValueError` for a text that is no message."""
        match text.strip().lower():
            case "off" | "false" | "no" | "0":
                return cls()
            case "on" | "true" | "yes" | "1":
                return cls(reject=True)
        from bridge.contract.kinds.text import MAX_TEXT

        if len(text) > MAX_TEXT:
            raise ValueError(f"has {len(text):,} characters; WhatsApp takes {MAX_TEXT:,}")
        return cls(reject=True, text=text.strip())
