"""Parser of the documentation: fenced blocks with the mark in the comment above them, headings, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"^## (?P<heading>[^\n]+)$|(?:^<!-- (?P<mark>stays|file: \S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block. `stays`: a program that runs until it is terminated. `file`: the name to save it under."""

    heading: str
    language: str
    text: str
    stays: bool
    file: str | None


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of the page, in order."""
    heading = ""
    for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        if found["heading"]:
            heading = found["heading"]
            continue
        mark = found["mark"] or ""
        file = mark.removeprefix("file: ") if mark.startswith("file: ") else None
        yield Block(heading, found["language"], found["text"], mark == "stays", file)


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, by GitHub's rule."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return set(plain)


def links(page: Path) -> list[str]:
    """Targets of the page's links and images."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)
