"""Rules of the source that a linter does not know: where topics and addresses are built, how long a file may be.

Which module may import which is in pyproject.toml ([tool.importlinter]) and checked by scripts/check, not here.
"""

import ast
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST = 400
WIDEST = 120
JID_SERVER = re.compile(r"@(c\.us|g\.us|lid|s\.whatsapp\.net|broadcast|newsletter)\b")
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]+")
#: Constants of libraries that are meant to be set: psutil's is where the system's /proc is.
SETTINGS_OF_LIBRARIES = {"psutil.PROCFS_PATH"}
PATCHING = {"setattr", "delattr", "patch", "object", "multiple"}
MAY_PATCH = re.compile(
    rf"\b(setattr|delattr|patch)\b|\bdel .*\.{CONSTANT.pattern}|\.{CONSTANT.pattern}\b[\w., :\[\]]*\W?=(?!=)"
)
TOPIC = re.compile(r"^wa/|/(in|event|out|result|ack|replay|reply|control|status|qr)(/[+#]?)?$")


def source_files(*suffixes: str) -> list[Path]:
    """Our own source, without what npm fetched."""
    folders = [ROOT / name for name in ("bridge", "campaigns", "responder") if (ROOT / name).is_dir()]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in suffixes]
    return sorted(path for path in files if "node_modules" not in path.parts)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """String constants, pieces of f-strings included; docstrings and other bare strings are prose."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node


def topics_written_out(tree: ast.AST) -> list[int]:
    return [node.lineno for node in literals(tree) if TOPIC.search(str(node.value))]


def jids_taken_apart(tree: ast.AST) -> list[int]:
    """Lines that spell a JID's server or cut a string at its @."""
    lines = [node.lineno for node in literals(tree) if JID_SERVER.search(str(node.value))]
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="split" | "rsplit" | "partition" | "rpartition"),
                args=[ast.Constant(value="@"), *_],
            ):
                lines.append(node.lineno)
    return lines


def constants_patched(program: str) -> list[int]:
    """Lines that set a constant of another module: by a call, by an assignment, or in a program in a string."""
    if not MAY_PATCH.search(program):  # parsing all tests takes seconds
        return []
    try:
        nodes = list(ast.walk(ast.parse(textwrap.dedent(program))))
    except SyntaxError:  # a string that is no program
        return []
    imported = {
        alias.asname or alias.name: f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    lines = []
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called in PATCHING:
                given = [*node.args[:2], *(keyword.value for keyword in node.keywords)]
                names = {str(one.value) for one in given if isinstance(one, ast.Constant)}
                names |= {str(keyword.arg) for keyword in node.keywords}
                owner = ast.unparse(node.args[0]) if node.args else ""
            case ast.Attribute(attr=name, value=of, ctx=ast.Store() | ast.Del()):
                names, owner = {name}, ast.unparse(of)
            case ast.Constant(value=str(text)) if "import " in text:
                lines += [node.lineno] * bool(constants_patched(text))
                continue
            case _:
                continue
        constants = {name for path in names if CONSTANT.fullmatch(name := path.rpartition(".")[2])}
        patched = {f"{imported.get(owner, owner)}.{name}" for name in constants}
        lines += [node.lineno] * bool(patched - SETTINGS_OF_LIBRARIES)
    return lines


def without_comments(script: str) -> str:
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", script, flags=re.DOTALL)


def test_the_contract_loads_without_drivers_servers_or_mqtt() -> None:
    heavy = "aiomqtt amqtt fastapi paho playwright rich starlette typer uvicorn"
    script = (
        "import pkgutil, sys, bridge.contract\n"
        "for module in pkgutil.iter_modules(bridge.contract.__path__, 'bridge.contract.'): __import__(module.name)\n"
        f"print(*sorted(set({heavy!r}.split()) & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        # a third of the time of a command that asks the bridge went into what only the bridge itself needs
        ("bridge.settings", "bridge.contract.kinds bridge.contract.requests bridge.ports bridge.store starlette"),
        ("bridge.client", "bridge.contract.campaigns bridge.contract.requests bridge.ports bridge.settings"),
        ("bridge.core.effective_options, bridge.store.sessions", "bridge.contract.requests"),
        ("campaigns.app", "bridge.contract.requests bridge.ports bridge.settings httpx rich"),
        # what `wa responder` reads of the bridge's settings: the ports were an eighth of its start
        (
            "responder.app, bridge.cli.doubtful_settings, bridge.ops.doctor.ineffective, bridge.ops.doctor.variables",
            "bridge.contract.requests bridge.ports campaigns",
        ),
    ],
)
def test_a_program_loads_nothing_that_only_the_bridge_needs(module: str, heavy: str) -> None:
    script = f"import sys, {module}; print(*sorted(set({heavy!r}.split()) & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_help_is_instant() -> None:
    """No time is compared: what takes it is the loading of what the command line may need later."""
    heavy = "aiomqtt alembic bridge.client bridge.contract.messages bridge.settings fastapi httpx playwright pydantic"
    script = f"import atexit, sys\natexit.register(lambda: print(*sorted(set({heavy!r}.split()) & set(sys.modules))))\n"
    command = [sys.executable, "-c", script + "from bridge.cli import main\nmain()", "--help"]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage: " in loaded.stdout
    assert loaded.stdout.splitlines()[-1] == ""


def test_a_command_loads_no_other_command() -> None:
    script = (
        "import sys\nfrom bridge.cli import COMMANDS, main\n"
        "try:\n    main()\nfinally:\n    print(*(name for name in COMMANDS if f'bridge.cli.{name}' in sys.modules))"
    )
    command = [sys.executable, "-c", script, "trace", "--help"]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage: " in loaded.stdout
    assert loaded.stdout.splitlines()[-1] == "trace"


@pytest.mark.parametrize("code", ["'wa/haby/in'", "f'{prefix}/{session}/out'", "prefix + '/out/+'", "f'{x}/status'"])
def test_a_topic_written_out_is_recognised(code: str) -> None:
    assert topics_written_out(ast.parse(code + " == 1")) == [1]


@pytest.mark.parametrize("code", ["digits + '@c.us'", "jid.split('@')[0]", "f'{user}@lid'", "x = jid.partition('@')"])
def test_a_jid_taken_apart_is_recognised(code: str) -> None:
    assert jids_taken_apart(ast.parse(code)) == [1]


@pytest.mark.parametrize(
    "code",
    [
        "monkeypatch.setattr(replay, 'CHUNK', 1)",
        "monkeypatch.setattr('bridge.mqtt.replay.CHUNK', 1)",
        "monkeypatch.setattr(target=replay, name='CHUNK', value=1)",
        "monkeypatch.delattr(replay, 'CHUNK')",
        "setattr(replay, '_CHUNK', 1)",
        "patch('bridge.mqtt.replay.CHUNK', 1)",
        "patch.object(replay, 'CHUNK', 1)",
        "mocker.patch.multiple(replay, CHUNK=1)",
        "replay.CHUNK = 1",
        "bridge.mqtt.replay.CHUNK: int = 1",
        "replay.MOST, replay.CHUNK = 1, 2",
        "replay.CHUNK += 1",
        "del replay.CHUNK",
        "run('import asyncio; from bridge.mqtt import replay; replay.CHUNK = 1')",
        "from psutil import process as psutil; psutil.PROCFS_PATH = '/other'",
    ],
)
def test_a_patched_constant_is_recognised(code: str) -> None:
    assert set(constants_patched(code)) == {1}


@pytest.mark.parametrize(
    "code",
    [
        "import psutil; monkeypatch.setattr(psutil, 'PROCFS_PATH', '/other')",
        "monkeypatch.setenv('WA_PACE', 'off')",
        "monkeypatch.setattr(Outbox, 'claim', slow_claim)",
        "api.patch('/settings', json=SETTINGS)",
        "class Short(Replayer): CHUNK = 1",
        "run('window.WPP = Object.create(WPP)')",
    ],
)
def test_what_is_no_patch_of_a_constant(code: str) -> None:
    assert constants_patched(code) == []


def test_no_test_patches_a_constant() -> None:
    """Where a test needs another limit, the code takes it as an argument: a field of the limits of its layer."""
    offences = [
        f"{named(path)}:{line}"
        for folder in ("tests", "bench")
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts and path != Path(__file__)  # which has examples
        for line in constants_patched(path.read_text())
    ]
    assert offences == []


def test_topics_are_built_only_by_the_contract() -> None:
    # HTTP routes look like topics and live in these places, which never publish.
    routes = ("bridge/http/", "bridge/sandbox/", "campaigns/http/", "responder/http/", "responder/webhook.py")
    offences = [
        f"{named(path)}:{line}"
        for path in source_files(".py")
        if named(path) != "bridge/contract/topics.py" and not named(path).startswith(routes)
        for line in topics_written_out(ast.parse(path.read_text()))
    ]
    assert offences == []


def test_addresses_are_built_and_parsed_only_by_the_contract() -> None:
    # The sandbox plays WhatsApp itself, whose servers these are.
    offences = [
        f"{named(path)}:{line}"
        for path in source_files(".py")
        if named(path) != "bridge/contract/jid.py" and not named(path).startswith("bridge/sandbox/")
        for line in jids_taken_apart(ast.parse(path.read_text()))
    ]
    offences += [
        f"{named(path)}: {found[0]}"
        for path in source_files(".js", ".mjs")
        if not named(path).startswith("bridge/sandbox/")
        for found in JID_SERVER.finditer(without_comments(path.read_text()))
    ]
    assert offences == []


def test_no_source_file_is_longer_than_400_lines() -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in source_files(".py", ".js", ".css", ".html")}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


@pytest.mark.parametrize("folder", ["bridge/http/panel", "bridge/sandbox/page/phone"])
def test_no_line_of_a_page_is_longer_than_120_characters(folder: str) -> None:
    offences = [
        f"{named(path)}:{number}"
        for path in source_files(".js")
        if named(path).startswith(f"{folder}/")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > WIDEST
    ]
    assert offences == []


@pytest.mark.parametrize("name", ["requirements.lock", "bridge/drivers/web/package-lock.json"])
def test_lock_files_pin_by_hash_and_name_no_place_to_download_from(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "sha256:" in text or '"integrity": "sha512-' in text
    assert "://" not in text
    assert "resolved" not in text
    assert "--index-url" not in text


def test_the_changelog_begins_with_the_version_that_is_built() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert version in headings[:2]  # the first may be Unreleased
