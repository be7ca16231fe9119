"""Memory and time of a list's import: 100,000 rows as CSV and as XLSX, through the real campaigns service.

`make lists` prints both. Memory is the highest PSS of the service with all its children.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import httpx
import psutil

from bench.stage import ROOT
from tests.mosquitto_server import MosquittoServer, free_port

ROWS = 100_000
#: The goals of 100,000 rows.
MOST_MB, MOST_SECONDS = 120, 20
#: Seconds between two looks at the memory.
EVERY = 0.05
#: Seconds for the service to start, and for one import.
START, IMPORT = 30.0, 120.0
TITLES = ("telefono", "nombre", "zona", "saldo", "notas")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def rows(count: int) -> Iterator[tuple[str, ...]]:
    """Titles and rows, each of another person."""
    yield TITLES
    for n in range(count):
        yield f"54911555{n:06}", f"Persona {n} Gómez", f"Zona {n % 40}", str(n * 17 % 90_000), f"Cliente desde {n}"


def write_csv(path: Path, count: int) -> None:
    path.write_text("\n".join(";".join(row) for row in rows(count)), encoding="utf-8")


def write_xlsx(path: Path, count: int) -> None:
    """As Excel writes it: numbers as numbers, texts in a table that all cells share."""
    shared: dict[str, int] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _parts():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for line, row in enumerate(rows(count), start=1):
                cells = "".join(_cell(f"{'ABCDE'[place]}{line}", text, shared) for place, text in enumerate(row))
                sheet.write(f'<row r="{line}">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")
        with archive.open("xl/sharedStrings.xml", "w") as table:
            table.write(f'<sst xmlns="{_MAIN}" uniqueCount="{len(shared)}">'.encode())
            for text in shared:
                table.write(f"<si><t>{escape(text)}</t></si>".encode())
            table.write(b"</sst>")


def _cell(place: str, text: str, shared: dict[str, int]) -> str:
    if text.isdigit():
        return f'<c r="{place}"><v>{text}</v></c>'
    return f'<c r="{place}" t="s"><v>{shared.setdefault(text, len(shared))}</v></c>'


def _parts() -> Iterator[tuple[str, str]]:
    types = '<Default Extension="xml" ContentType="application/xml"/>'
    yield "[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types">{types}</Types>'
    yield "_rels/.rels", _relationships(("officeDocument", "xl/workbook.xml"))
    book = f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets><sheet name="H" sheetId="1" r:id="r1"/></sheets>'
    yield "xl/workbook.xml", f"{book}</workbook>"
    parts = ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml")
    yield "xl/_rels/workbook.xml.rels", _relationships(*parts)


def _relationships(*parts: tuple[str, str]) -> str:
    found = "".join(
        f'<Relationship Id="r{n}" Type="{_REL}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(parts, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{found}</Relationships>'


def used_by(service: psutil.Process) -> float:
    """Megabytes (PSS) of a process with its children."""
    total = 0
    for process in (service, *service.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total / 1e6


async def imported(service: psutil.Process, url: str, path: Path, count: int) -> tuple[float, float]:
    """Upload a list; returns the seconds that it takes and the highest memory meanwhile."""
    highest = 0.0

    async def watch() -> None:
        nonlocal highest
        while True:
            highest = max(highest, await asyncio.to_thread(used_by, service))
            await asyncio.sleep(EVERY)

    watching = asyncio.create_task(watch(), name="memory")
    try:
        content = await asyncio.to_thread(path.read_bytes)
        began = time.monotonic()
        async with httpx.AsyncClient(timeout=IMPORT, trust_env=False) as client:
            headers = {"content-type": "application/octet-stream"}
            answer = await client.post(f"{url}/v1/campaigns/lists", content=content, headers=headers)
        answer.raise_for_status()
        if answer.json()["rows"] != count:
            raise RuntimeError(f"{answer.json()['rows']} rows were imported")
        return time.monotonic() - began, highest
    finally:
        watching.cancel()


async def run(count: int) -> None:
    """Measure each format on a service of its own, so that none inherits the other's memory."""
    for suffix, write in (("csv", write_csv), ("xlsx", write_xlsx)):
        with tempfile.TemporaryDirectory(prefix="wa-lists-") as name, MosquittoServer(Path(name) / "m") as broker:
            path, port = Path(name) / f"list.{suffix}", free_port()
            write(path, count)
            settings = {"WA_MQTT_URL": broker.url("campaigns"), "WA_CAMPAIGNS_PORT": str(port), "WA_LOG_LEVEL": "ERROR"}
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bridge.cli", "campaigns"),
                cwd=name,
                env={"WA_DATA_DIR": str(Path(name) / "data"), "PYTHONPATH": str(ROOT), **settings},
            )
            try:
                url, service = f"http://127.0.0.1:{port}", psutil.Process(process.pid)
                await _started(url)
                idle = used_by(service)
                seconds, highest = await imported(service, url, path, count)
                times = service.cpu_times()
            finally:
                process.terminate()
                await process.wait()
        cpu = times.user + times.system
        met = "met" if highest <= MOST_MB and seconds <= MOST_SECONDS else "MISSED"
        sys.stdout.write(
            f"{suffix}: {count:,} rows in {seconds:.1f} s (goal {MOST_SECONDS} s; {cpu:.1f} s of CPU"
            f" with the start), {highest:.0f} MB at most (goal {MOST_MB} MB; idle {idle:.0f} MB): {met}\n"
        )


async def _started(url: str) -> None:
    async with asyncio.timeout(START), httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                problems = (await client.get(f"{url}/readyz")).json()["problems"]
            except httpx.HTTPError:
                problems = ["database"]
            if "database" not in problems and "broker" not in problems:
                return
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]) if sys.argv[1:] else ROWS))
