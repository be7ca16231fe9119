"""The table "To add something" of docs/architecture.md, carried out on a copy of the tree: its files, and no other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/architecture.md"


class Tree:
    """A copy of what the changes touch; `touched` are the files that were written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.touched: set[str] = set()
        for name in ("bridge", "campaigns", "responder", "scripts", "deploy", "docs", "tests"):
            shutil.copytree(
                ROOT / name, root / name, symlinks=True, ignore=shutil.ignore_patterns("node_modules", "__pycache__")
            )
        for name in ("README.md", "pyproject.toml", "mosquitto"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)

    def write(self, name: str, text: str) -> None:
        assert not (self.root / name).exists(), name
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")
        self.touched.add(name)

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        (self.root / name).write_text(text, encoding="utf-8")
        self.touched.add(name)

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "WA_TEST_REPEATED": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def named_in_the_table(row: str, name: str) -> set[str]:
    """The paths of a row, with its placeholder filled in."""
    (cells,) = re.findall(rf"^\| {re.escape(row)} \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"<\w+>", name, path) for path in re.findall(r"`((?:bridge|tests|responder)/[^`]+)`", cells)}


def add_kind(tree: Tree) -> None:
    tree.write(
        "bridge/contract/kinds/coin.py",
        '''"""Coins that were tossed."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from typing_extensions import override

from bridge.contract.kinds.content import Content
from bridge.contract.kinds.received import Noun, ReceivedKind
from bridge.contract.payload import Payload, StrictPayload


class Coin(StrictPayload, Content):
    kind: ClassVar = "coin"
    field: ClassVar = "coin"
    noun: ClassVar = "a coin"
    metavar: ClassVar = "SIDE"
    option_help: ClassVar = "Toss a coin."
    side: Literal["heads", "tails"]

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        return {"side": text}


class Toss(Payload):
    side: str


SENT = Coin
RECEIVED = ReceivedKind(kind="coin", types=("coin_toss",), noun=Noun("coin", "moneda"), fields={"coin": Toss})
''',
    )
    tree.write(
        "bridge/drivers/web/page/kinds/coin.js",
        """senders.coin = (chat, { side }, options) => WPP.chat.sendCoin(chat, side, options);
readers.coin_toss = (msg) => ({ coin: { side: text(read(msg, "side")) } });
""",
    )
    golden = {
        "received": [{"model": {"type": "coin_toss", "side": "tails"}, "content": {"coin": {"side": "tails"}}}],
        "sent": [{"value": {"side": "heads"}, "call": ["sendCoin", "<chat>", "heads", {}]}],
    }
    tree.write("tests/drivers/kinds/coin.json", json.dumps(golden))
    tree.edit(
        "bridge/contract/kinds/__init__.py",
        ("    buttons,\n    contacts,", "    buttons,\n    coin,\n    contacts,"),
        ("product, payment, unknown)", "product, payment, unknown, coin)"),
    )


def check_kind(tree: Tree) -> None:
    tree.run("-m", "pytest", "-q", "tests/drivers/test_kinds.py", "-k", "not web")
    tree.run("scripts/reference.py")
    assert "`coin`; `coin_toss`" in (tree.root / "README.md").read_text(encoding="utf-8")
    assert "content: a coin" in (tree.root / "docs/mqtt.md").read_text(encoding="utf-8")
    assert "--coin" in tree.run("-m", "bridge.cli", "send", "--help")
    tree.run(
        "-c",
        "from bridge.contract.commands import SendCommand, parse_json\n"
        "from bridge.contract.kinds import dump_content, load_content\n"
        'command = parse_json(SendCommand, b\'{"to": "5491155500001", "coin": {"side": "tails"}}\')\n'
        "assert load_content(dump_content(command.content, command.modifiers))[0] == command.content\n"
        "assert command.content.summary == '[coin]'\n",
    )


def add_sent_kind(tree: Tree) -> None:
    tree.write(
        "bridge/contract/kinds/shout.py",
        '''"""Texts in capitals. They are received as text."""

from __future__ import annotations

from typing import Any, ClassVar

from typing_extensions import override

from bridge.contract.kinds.content import Content
from bridge.contract.payload import StrictPayload


class Shout(StrictPayload, Content):
    kind: ClassVar = "shout"
    field: ClassVar = "shout"
    noun: ClassVar = "a text in capitals"
    metavar: ClassVar = "TEXT"
    option_help: ClassVar = "Send a text in capitals."
    words: str

    @classmethod
    @override
    def from_option(cls, text: str) -> Any:
        return {"words": text}


SENT = Shout
''',
    )
    tree.write(
        "bridge/drivers/web/page/kinds/shout.js",
        "senders.shout = (chat, { words }, options) => WPP.chat.sendTextMessage(chat, words.toUpperCase(), options);\n",
    )
    sent = [{"value": {"words": "hola"}, "call": ["sendTextMessage", "<chat>", "HOLA", {}]}]
    tree.write("tests/drivers/kinds/shout.json", json.dumps({"sent": sent, "sent_type": "chat"}))
    tree.edit(
        "bridge/contract/kinds/__init__.py",
        ("    revoke,\n    sticker,", "    revoke,\n    shout,\n    sticker,"),
        ("product, payment, unknown)", "product, payment, unknown, shout)"),
    )


def check_sent_kind(tree: Tree) -> None:
    tree.run("-m", "pytest", "-q", "tests/drivers/test_kinds.py", "tests/contract/test_kinds.py", "-k", "not web")
    tree.run("scripts/reference.py")
    assert "| shout | no | `shout` |" in (tree.root / "README.md").read_text(encoding="utf-8")


def add_event(tree: Tree) -> None:
    tree.write(
        "bridge/contract/events/toss.py",
        '''"""Coins in the air."""

from __future__ import annotations

from bridge.contract.events.event_kind import EventKind

EVENT = EventKind(kind="toss", summary="A coin was tossed.", fields={"side": str})
''',
    )
    tree.write("bridge/drivers/web/page/events/toss.js", 'WPP.on("coin.toss", (toss) => putEvent("toss", toss.id));\n')
    tree.edit(
        "bridge/contract/events/__init__.py",
        (
            "    sent_message,\n    undecrypted,\n)",
            "    sent_message,\n    toss,\n    undecrypted,\n)",
        ),
        ("    erased.EVENT,\n)", "    erased.EVENT,\n    toss.EVENT,\n)"),
    )


def check_event(tree: Tree) -> None:
    tree.run("scripts/reference.py")
    assert "A coin was tossed." in (tree.root / "docs/mqtt.md").read_text(encoding="utf-8")
    tree.run(
        "-c",
        "from bridge.contract.asyncapi import schemas\n"
        "from bridge.drivers.web.injection import init_script, page_script\n"
        "from bridge.http.v1.webhooks import NewWebhook\n"
        "assert 'side' in schemas()['Event']['properties']\n"
        "assert 'coin.toss' in page_script()\n"
        "assert NewWebhook(url='http://localhost/x', events=['toss']).events == ['toss']\n",
    )


def add_action(tree: Tree) -> None:
    tree.write(
        "bridge/contract/requests/toss.py",
        '''"""Tossing a coin."""

from __future__ import annotations

from typing import ClassVar, Literal

from bridge.contract.requests.request import Request


class TossCoin(Request):
    summary: ClassVar = "Toss a coin."
    action: Literal["coins.toss"] = "coins.toss"
    times: int = 1
''',
    )
    tree.write("bridge/drivers/web/page/requests/toss.js", 'answerers["coins.toss"] = ({ times }) => ({ times });\n')
    tree.edit(
        "bridge/contract/requests/__init__.py",
        (
            "from bridge.contract.requests.typing",
            "from bridge.contract.requests.toss import TossCoin\nfrom bridge.contract.requests.typing",
        ),
        ("= (\n    Typing,", "= (\n    TossCoin,\n    Typing,"),
    )


def check_action(tree: Tree) -> None:
    assert "coins.toss: Toss a coin." in tree.run("-m", "bridge.cli", "request")
    tree.run(
        "-c",
        "from bridge.contract.requests import parse_request\n"
        "from bridge.drivers.web.injection import answered_actions\n"
        'assert parse_request(b\'{"action": "coins.toss", "times": 3}\').arguments == {"times": 3}\n'
        "assert 'coins.toss' in answered_actions()\n",
    )


def add_setting(tree: Tree) -> None:
    tree.edit(
        "bridge/settings.py",
        (
            "    log_level:",
            '    coins: int = setting("WA_COINS", default=3, description="Coins tossed at once.")\n    log_level:',
        ),
    )


def check_setting(tree: Tree) -> None:
    tree.run("scripts/env_files.py")
    assert "#WA_COINS=3" in (tree.root / "deploy/wa.env.example").read_text(encoding="utf-8")
    tree.run("-c", "from bridge.settings import load; assert load(coins=2).coins == 2")


Step = Callable[[Tree], None]
ROWS: list[tuple[str, str, Step, Step]] = [
    ("a kind of content", "coin", add_kind, check_kind),
    ("a kind of content", "shout", add_sent_kind, check_sent_kind),
    ("a kind of event", "toss", add_event, check_event),
    ("an action of a request", "toss", add_action, check_action),
    ("a setting", "coins", add_setting, check_setting),
]


@pytest.mark.parametrize(("row", "name", "add", "check"), ROWS)
def test_a_row_of_the_table_is_all_there_is_to_do(tree: Tree, row: str, name: str, add: Step, check: Step) -> None:
    add(tree)
    assert tree.touched <= named_in_the_table(row, name)
    check(tree)
