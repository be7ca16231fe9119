"""Files of a service are private; it corrects the permissions of existing files, or says what to do."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from bridge.contract.errors import StartError
from bridge.sql.database import make_private
from tests.mosquitto_server import free_port

WA = [sys.executable, "-c", "from bridge.cli import main; main()"]
ROOT = Path(__file__).parents[2]


def readable_by_others(folder: Path) -> list[str]:
    return [str(path) for path in (folder, *folder.rglob("*")) if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.parametrize(
    ("command", "expected", "creates"),
    [
        ("responder", "Conversations:", "responder.db"),
        ("bridge", "HTTP:", "bridge.db"),
        ("campaigns", "Campaigns:", "campaigns.db"),
    ],
)
async def test_a_service_corrects_open_permissions_and_creates_private_files(
    command: str, expected: str, creates: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (tmp_path / ".env").write_text("WA_PACE=off\n")
    (tmp_path / ".env").chmod(0o644)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WA_", "DB_", "OPENAI_"))}
    program = await asyncio.create_subprocess_exec(
        *WA,
        command,
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
        umask=0o022,
        env={
            **kept,
            "PYTHONPATH": str(ROOT),
            "WA_DATA_DIR": str(data),
            "PORT": "0",
            "WA_CAMPAIGNS_PORT": "0",
            "WA_HTTP_PORT": "0",
            "WA_MQTT_URL": f"mqtt://127.0.0.1:{free_port()}",
            "WA_WEB_URL": f"http://127.0.0.1:{free_port()}/",
        },
    )
    assert program.stderr is not None
    output = ""
    try:
        async with asyncio.timeout(30):
            while expected not in output:
                line = await program.stderr.readline()
                assert line, output
                output += line.decode()
    finally:
        program.terminate()
        await program.communicate()
    assert "chmod 600 .env" in output
    assert (data / creates).exists()
    assert readable_by_others(data) == []


def test_a_folder_of_another_user_is_refused_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", forbidden)
    with pytest.raises(StartError, match="Give it to this user"):
        make_private(tmp_path / "responder.db")
