"""Replaces one section of a rules file's text and keeps the rest as its author wrote it, comments too. Pure."""

from __future__ import annotations

from typing import Any

import yaml

from responder.errors import WrongRules


def with_section(text: str, name: str, value: Any) -> str:
    """The text with a top-level section in place of the old one, or at the end; None removes it.

    Raises WrongRules where the file is written in braces: its author's form would be lost.
    """
    node = yaml.compose(text, yaml.SafeLoader)
    written = "" if value is None else _dumped({name: value})
    if node is None:
        return f"version: 1\n\n{written}"
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise WrongRules("the file is not written as keys in lines of their own; change its text instead")
    lines = text.splitlines(keepends=True)
    for key, content in node.value:
        if key.value == name:
            first, last = key.start_mark.line, _last_line(content)
            return "".join([*lines[:first], written, *lines[last + 1 :]])
    if not written:
        return text
    return f"{text.rstrip()}\n\n{written}"


def _dumped(value: Any) -> str:
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=110)


def _last_line(node: yaml.Node) -> int:
    """The last line of a value. The end of a collection in lines is only where the next key begins."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1])
    mark = node.end_mark
    # a text in lines (`|`) ends at the beginning of the line after it
    return int(mark.line) - 1 if mark.column == 0 and mark.line > node.start_mark.line else int(mark.line)
