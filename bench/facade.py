"""Benchmark of the HTTP façade: accepted sends per second, and webhook latency while some receivers hang.

    python -m bench.facade [sends|webhooks]

Everything is real except WhatsApp (a scripted phone) and the broker (none). Callers and webhook receivers run in
separate processes, so that they do not share the bridge's interpreter; they do share its cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

from bridge.app import Bridge, BridgeLimits
from bridge.app.clock import SystemClock
from bridge.broker import parse_addresses
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.http.listener import listen
from bridge.settings import load

SENDS, CALLERS = 5_000, 16
LISTENERS, HANGING, MESSAGES, EVERY = 100, 10, 50, 0.2
#: Goals: accepted sends per second, and the p99 of a webhook in milliseconds.
GOAL_SENDS, GOAL_P99 = 1_000, 250.0
#: Fresh interpreters: a fork of a process with threads may hang.
PROCESSES = multiprocessing.get_context("spawn")


class ServedBridge:
    """A connected bridge with HTTP and no rate limit. The pace is the default, so commands wait as in production.

    Without the address of a `broker`, none is reached.
    """

    def __init__(self, folder: Path, broker: str = "mqtt://127.0.0.1:9") -> None:
        self.broker = parse_addresses(broker)
        self.settings = load(data_dir=folder, http_rate="off", instance="bench", log_level="ERROR")
        self.clock = SystemClock()
        self.phone = ScriptedPhone(self.clock, paired=True)
        self.listener = listen("127.0.0.1", 0)
        self.port = int(self.listener.getsockname()[1])

    async def __aenter__(self) -> ServedBridge:
        self.bridge = Bridge(
            self.settings,
            self.broker,
            lambda _: ScriptedDriver(self.phone),
            self.clock,
            http=self.listener,
            limits=BridgeLimits(ownership=0.05, status_end=0.05),  # there is no broker to ask
        )
        self.running = asyncio.create_task(self.bridge.run(), name="bridge")
        while self.bridge.hosts[0].view.situation.state != "connected":  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.bridge.stop()
        await self.running


def call(port: int, count: int, callers: int, request: Callable[[int, int], bytes], result: Connection) -> None:
    """Child process: requests over `callers` connections, one after the other on each."""

    async def caller(number: int, times: list[float]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for turn in range(count // callers):
            asked = request(number, turn)
            began = time.perf_counter()
            writer.write(asked)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            await reader.readexactly(int(answer.partition("content-length: ")[2].partition("\r\n")[0]))
            if " 200 " not in answer.partition("\r\n")[0]:
                raise SystemExit(answer)
            times.append(time.perf_counter() - began)
        writer.close()

    async def every_caller() -> tuple[float, list[float]]:
        times: list[float] = []
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(callers):
                tasks.create_task(caller(number, times), name=f"caller {number}")
        return time.perf_counter() - began, times

    result.send(asyncio.run(every_caller()))


def a_send(caller: int, turn: int) -> bytes:
    """Without a wait for the result: it is answered once it is a committed row of the outbox."""
    body = json.dumps({"to": f"54911555{caller:02}{turn:04}", "message": "Hola"}).encode()
    head = "POST /api/whatsapp/send?wait=0 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def a_question(_caller: int, _turn: int) -> bytes:
    """Of what the bridge knows without a look into its store."""
    return b"GET /api/whatsapp/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def measure_sends(count: int = SENDS) -> float:
    """Accepted sends per second, see `a_send`."""
    return await _measure("sends", a_send, count, f" (goal {GOAL_SENDS:,})")


async def measure_answers(count: int = SENDS) -> float:
    """Answers per second, see `a_question`: what a send may be compared with."""
    return await _measure("questions", a_question, count)


async def _measure(what: str, request: Callable[[int, int], bytes], count: int, goal: str = "") -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with ServedBridge(Path(folder)) as served:
            busy = time.process_time()
            took, times = await in_process(call, served.port, count, CALLERS, request)
            busy = time.process_time() - busy
    rate = len(times) / took
    say(
        f"{what}: {len(times):,} in {took:.2f} s, {rate:,.0f} per second{goal};"
        f" median {statistics.median(times) * 1000:.1f} ms, p99 {percentile(times, 99) * 1000:.1f} ms,"
        f" {busy / len(times) * 1000:.2f} ms of the bridge's CPU each"
    )
    return rate


def receive(listeners: int, hanging: int, messages: int, result: Connection) -> None:
    """Child process: webhook receivers. Path /n is webhook n; the first `hanging` of them never answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):  # the program ends
                return
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            body = await reader.readexactly(length)
            if int(head.split(" ")[1].strip("/")) < hanging:
                continue
            delays.append(time.time() - float(json.loads(body)["body"]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            if len(delays) == (listeners - hanging) * messages:
                done.set()

    async def every_url() -> list[float]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=500)
        result.send(server.sockets[0].getsockname()[1])
        try:
            async with asyncio.timeout(120):
                await done.wait()
        except TimeoutError:
            pass
        server.close()
        return delays

    delays: list[float] = []
    done = asyncio.Event()
    result.send(asyncio.run(every_url()))
    os._exit(0)  # do not wait for hanging connections


async def measure_webhooks(listeners: int = LISTENERS, hanging: int = HANGING, messages: int = MESSAGES) -> float:
    """The p99 in milliseconds from WhatsApp to the receiver, for webhooks that answer."""
    with tempfile.TemporaryDirectory() as folder:
        async with ServedBridge(Path(folder)) as served:
            process, ours = started(receive, listeners, hanging, messages)
            port = await asyncio.to_thread(ours.recv)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as client:
                for number in range(listeners):
                    url = f"http://127.0.0.1:{port}/{number}"
                    answer = await client.post("/api/whatsapp/register-listener", json={"callbackUrl": url})
                    answer.raise_for_status()
            busy = time.process_time()
            for _ in range(messages):
                served.phone.incoming("5491155500001@c.us", str(time.time()))
                await asyncio.sleep(EVERY)
            delays: list[float] = await asyncio.to_thread(ours.recv)
            busy = time.process_time() - busy
            process.join()
    p99 = percentile(delays, 99) * 1000
    say(
        f"webhooks: {messages} messages to {listeners} webhooks, {hanging} of them hanging:"
        f" {len(delays):,} of {(listeners - hanging) * messages:,} arrived, median"
        f" {statistics.median(delays) * 1000:.0f} ms, p99 {p99:.0f} ms (goal {GOAL_P99:.0f}),"
        f" slowest {max(delays) * 1000:.0f} ms, {busy / len(delays) * 1000:.2f} ms of the bridge's CPU each"
    )
    return p99 if len(delays) == (listeners - hanging) * messages else float("inf")


async def in_process(target: object, *arguments: object) -> tuple[float, list[float]]:
    """Run a function in a process of its own and return what it sends back."""
    process, ours = started(target, *arguments)
    answer: tuple[float, list[float]] = await asyncio.to_thread(ours.recv)
    process.join()
    return answer


def started(target: object, *arguments: object) -> tuple[BaseProcess, Connection]:
    """A process that runs a function, and this end of its last argument. If it dies, `recv` raises EOFError."""
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=target, args=(*arguments, theirs))  # type: ignore[arg-type]
    process.start()
    theirs.close()
    return process, ours


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def percentile(values: list[float], percent: int) -> float:
    """The value that `percent` of all values do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["sends", "webhooks", []])
    for what in parser.parse_args().what or ["sends", "webhooks"]:
        asyncio.run(measure_sends() if what == "sends" else measure_webhooks())


if __name__ == "__main__":
    main()
