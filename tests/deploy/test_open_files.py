"""A stranger who opens more connections than a service may have open files: it refuses, and everything else goes on.

The services are real processes with a limit of 128 open files, which systemd's units raise.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.deploy.bridge_process import PHONE_OF_ANA, call_sandbox, sandbox
from tests.loopback import http_client
from tests.mosquitto_server import MosquittoServer, free_port
from tests.parts import require_binary

FILES = 128
STRANGERS = 400


@asynccontextmanager
async def limited(directory: Path, service: str, **environment: str) -> AsyncIterator[psutil.Process]:
    """`wa bridge` or `wa responder` with few open files; terminated at the end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WA_")}
    prlimit = require_binary("prlimit", "util-linux")
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(
                prlimit,
                f"--nofile={FILES}:4096",
                sys.executable,
                "-m",
                "bridge.cli",
                service,
            ),  # Chromium raises its own
            cwd=directory,
            env={**clean, "PYTHONPATH": str(Path(__file__).parents[2]), "WA_DATA_DIR": "data", **environment},
            stdout=log,
            stderr=log,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)


async def ready(base: str) -> None:
    """Wait until the service answers /readyz with 200."""
    async with asyncio.timeout(60), http_client() as client:
        while True:
            try:
                if (await client.get(f"{base}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


@asynccontextmanager
async def strangers(port: int, process: psutil.Process, path: str) -> AsyncIterator[int]:
    """Many connections at once, each with a request for a stream; yields the most files the service had open."""
    most, answers = 0, set[bytes]()
    held: list[asyncio.StreamWriter] = []

    async def connect() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        held.append(writer)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        with suppress(ConnectionError):
            answers.add((await reader.read(12))[9:])

    connecting = [asyncio.create_task(connect()) for _ in range(STRANGERS)]
    async with asyncio.timeout(60):
        while not all(task.done() for task in connecting):
            most = max(most, process.num_fds())
            await asyncio.sleep(0.01)
    assert b"200" in answers
    try:
        async with http_client(timeout=30) as client:  # one more is answered, not cut off
            assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code in (200, 503)
        yield most
    finally:
        for writer in held:
            writer.transport.abort()
        await asyncio.gather(*connecting, return_exceptions=True)


def check_log(log: str) -> None:
    assert "LimitNOFILE" in log
    for fault in ("Traceback", "Too many open files", "out of system resource"):
        assert fault not in log, log
    assert log.count("\n") < 100, "a stranger does not fill the log"


@pytest.mark.timeout(180)
async def test_strangers_do_not_end_the_session_of_a_bridge(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with MosquittoServer(tmp_path / "mosquitto") as broker:
        async with (
            sandbox() as double,
            limited(
                tmp_path,
                "bridge",
                WA_WEB_URL=double.url,
                WA_MQTT_URL=broker.url("bridge"),
                WA_HTTP_PORT=str(port),
            ) as process,
        ):
            await ready(base)
            async with strangers(port, process, "/v1/sessions/haby/events") as most:
                assert most < FILES
                await call_sandbox(double, "POST", "/incoming", {"chat": PHONE_OF_ANA, "body": "Hola"})
            await ready(base)
            async with http_client(base, timeout=30) as client:
                sent = await client.post("/api/whatsapp/send", json={"to": PHONE_OF_ANA, "message": "Buenas"})
                assert sent.json()["success"] is True, sent.text
                status = (await client.get("/v1/sessions/haby")).json()
                assert status["state"] == "connected"
    log = (tmp_path / "log").read_text()
    check_log(log)


async def test_strangers_do_not_stop_a_responder(tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with MosquittoServer(tmp_path / "mosquitto") as broker:
        async with limited(
            tmp_path, "responder", WA_MQTT_URL=broker.url("responder"), PORT=str(port), RESPONDER_ACTIVO="false"
        ) as process:
            async with asyncio.timeout(60), http_client() as client:
                while True:
                    try:
                        await client.get(f"{base}/healthz")
                        break
                    except httpx.TransportError:
                        await asyncio.sleep(0.1)
            async with strangers(port, process, "/api/live") as most:
                assert most < FILES
            async with asyncio.timeout(30), http_client() as client:
                assert (await client.get(f"{base}/healthz")).status_code == 200
    check_log((tmp_path / "log").read_text())
