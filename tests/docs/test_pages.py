"""The pages are consistent: links resolve, every page is in the index, and lists match the program."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bridge.cli import program
from bridge.cli.run import Exit
from tests.docs.pages import ROOT, anchors, blocks, links, prose

APP = program()
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), ROOT / "deploy/README.md", ROOT / "mosquitto/README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_the_index_lists_every_page() -> None:
    named = {link.partition("#")[0] for link in links(DOCS / "README.md")}
    assert {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"README.md"} <= named
    assert "docs/README.md" in links(ROOT / "README.md")


def test_every_block_of_the_recipes_is_tested() -> None:
    for name in ("recipes.md", "getting-started.md"):
        for block in blocks(DOCS / name):
            assert block.language in ("console", "sh") or block.file, block
            assert block.language != "console" or block.text.startswith(("make", ".venv/bin/wa up")), block


def _commands(command: Any, name: str) -> list[tuple[str, Any]]:
    """Every leaf command with its full name."""
    if not hasattr(command, "commands"):
        return [(name, command)]
    return [one for key, inner in command.commands.items() for one in _commands(inner, f"{name} {key}")]


def test_the_command_line_page_has_every_command_option_and_exit_code() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    found = _commands(typer.main.get_command(APP), "wa")
    assert len(found) > 15
    for name, command in found:
        (section,) = re.findall(rf"^### `{re.escape(name)}\b.*?(?=^##|\Z)", page, re.MULTILINE | re.DOTALL) or [""]
        assert section, f"docs/cli.md has no section on {name}"
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                documented = any(f"`{option}" in section for option in parameter.opts)
                assert documented, f"docs/cli.md, {name}: {parameter.opts}"
    codes = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert codes == [str(int(code)) for code in Exit]


def test_every_section_of_the_command_line_page_is_a_command() -> None:
    names = {name for name, _ in _commands(typer.main.get_command(APP), "wa")}
    sections = re.findall(r"^### `(wa [a-z ]*[a-z])", prose(DOCS / "cli.md"), re.MULTILINE)
    assert {name for name in sections if name not in names} == set()
