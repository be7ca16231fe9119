"""The text of the project: words that the field does not use, names that mean one thing, docstrings that say something.

HOUSE rules that a linter does not know. Spanish texts and the legacy contract are left out where they stand in strings.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "bridge",
    "campaigns",
    "responder",
    "bench",
    "scripts",
    "tests",
    "docs",
    "deploy",
    "integrations",
    "mosquitto",
)
SUFFIXES = {".py", ".js", ".mjs", ".md", ".html", ".css", ".sql", ".sh", ".yml", ".yaml", ".conf", ".example", ""}
#: Each with what to write instead.
WORDS = {
    "told": "notified, reported, published, logged, shown",
    "tell": "notify, report, publish, log, show",
    "tells": "notifies, reports, says",
    "telling": "reporting",
    "untold": "unpublished",
    "whoever": "the caller, the client, the operator",
    "nobody": "no subscriber, no process",
    "somebody": "a person, another process",
    "anew": "again",
    "of ours": "our",
    "so many": "the number",
    "for ever": "forever, indefinitely",
    "patience": "timeout",
    "wishes": "requests",
    "good-bye": "clean disconnect",
    "farewell": "shutdown message",
}
#: Names of the contract, of databases and of the outside world that hold such a word.
ALLOWED = (
    "told_once",  # a table of the session's store
    "does not tell whether the message left",  # a sentence in stores of earlier versions
    "UserNobody",
    "nobody:nogroup",
)
_FOUND = re.compile(rf"(?<![A-Za-z])({'|'.join(map(re.escape, WORDS))})(?![A-Za-z])", re.IGNORECASE)


def project_files() -> list[Path]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    kept = [path for path in files if path.suffix in SUFFIXES and not {"node_modules", "__pycache__"} & set(path.parts)]
    return sorted(path for path in kept if path != Path(__file__) and "lock" not in path.name)


def python_files(*folders: str) -> list[Path]:
    return [path for path in project_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def offences(text: str) -> Iterator[tuple[int, str]]:
    """Lines with a word of the list, also as a part of an identifier (`told_first`, `tellControl`)."""
    for number, line in enumerate(text.splitlines(), start=1):
        shown = line
        for allowed in ALLOWED:
            shown = shown.replace(allowed, "")
        parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", shown).replace("_", " ")
        if found := _FOUND.search(parts):
            yield number, found[1].lower()


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("def told_first():", "told"),
        ("tellControl()", "tell"),
        ("# whoever asks", "whoever"),
        ("seconds, so many", "so many"),
    ],
)
def test_a_word_of_the_list_is_recognised(line: str, word: str) -> None:
    assert [found for _, found in offences(line)] == [word]


def test_no_word_of_the_list() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word}: {WORDS[word]}"
        for path in project_files()
        for number, word in offences(path.read_text("utf-8", errors="replace"))
    ]
    assert found == []


def test_a_public_class_name_stands_in_one_file() -> None:
    homes = defaultdict(set)
    for path in python_files("bridge", "campaigns", "responder"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].add(str(path.relative_to(ROOT)))
    assert {name: sorted(files) for name, files in homes.items() if len(files) > 1} == {}


def test_a_docstring_has_more_than_three_words() -> None:
    short = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {docstring}"
        for path in python_files("bridge", "campaigns", "responder", "bench", "scripts")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if (docstring := ast.get_docstring(node)) and len(docstring.split()) <= 3
    ]
    assert short == []


#: File names that are metaphors or habits.
VAGUE = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "misc",
    "manager",
    "service",
    "door",
    "place",
    "room",
    "wishes",
}


def test_a_file_is_named_by_a_noun_of_the_field() -> None:
    named = {
        path.stem: str(path.relative_to(ROOT))
        for path in python_files("bridge", "campaigns", "responder", "bench", "scripts")
    }
    assert {file for stem, file in named.items() if stem in VAGUE} == set()


def test_one_logger_style() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in python_files("bridge", "campaigns", "responder")
        for line in path.read_text("utf-8").splitlines()
        if "getLogger(" in line
        and not re.match(r"_\w*log = logging\.getLogger\((__name__|f?\"[^\"]+\")\)$", line.strip())
    ]
    assert [line for line in found if "= logging" in line] == []


def test_strings_are_searched_too() -> None:
    tokens = tokenize.generate_tokens(io.StringIO("x = 'nobody'\n").readline)
    assert any(list(offences(token.string)) for token in tokens)
