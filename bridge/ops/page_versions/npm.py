"""Packages by the machine's npm, with its configuration (registry, proxy, credentials). No script of a package runs."""

from __future__ import annotations

import asyncio
import re
import shutil
from glob import glob
from pathlib import Path

from bridge.contract.errors import CodedError

#: Seconds for one package; the pages are 43 MB.
TIMEOUT = 300.0
_VERSION = re.compile(r"\d+\.\d+\.\d+[0-9A-Za-z.-]*")
_NO_NPM = (
    "npm is not installed. On Debian: apt install npm. Or fetch the file elsewhere and name it: WA_JS_FILE for wa-js,"
    " WA_WEB_VERSION for a page."
)


class NpmFailed(CodedError):
    """npm is missing, has no such version, or got no answer."""

    code = "npm_failed"


async def fetch_package(package: str, version: str | None, folder: Path, *, limit: float = TIMEOUT) -> Path:
    """The tarball of a version, None = the newest, checked by npm against the registry's hash. Raises `NpmFailed`.

    Raises ValueError for what is no version: npm would also take a folder or an address.
    """
    if version is not None and not _VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is not a version: write for example 4.6.0.")
    npm = shutil.which("npm")
    if npm is None:
        raise NpmFailed(_NO_NPM)
    process = await asyncio.create_subprocess_exec(
        *(npm, "pack", f"{package}@{version or 'latest'}", "--ignore-scripts", "--loglevel=error"),
        *(
            "--pack-destination",
            folder,
            "--cache",
            folder / "npm-cache",
            "--update-notifier=false",
            "--fetch-retries=1",
        ),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(limit):
            _, output = await process.communicate()
    except TimeoutError as error:
        raise NpmFailed(f"npm did not fetch {package} within {limit:g} s.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = [Path(entry) for entry in await asyncio.to_thread(glob, str(folder / "*.tgz"))]
    if process.returncode != 0 or len(found) != 1:
        raise NpmFailed(
            f"npm could not fetch {package}@{version or 'latest'}: {_reason(output.decode(errors='replace'))}"
        )
    return found[0]


def _reason(output: str) -> str:
    """npm's first sentence: its lines begin with `npm error` or, before version 10, `npm ERR!`."""
    lines = [
        line.removeprefix("npm").strip().removeprefix("error").removeprefix("ERR!").strip()
        for line in output.splitlines()
    ]
    sentences = [line for line in lines if " " in line and not line.startswith(("code ", "errno ", "syscall "))]
    return sentences[0].removeprefix("notarget ").removeprefix("404 ")[:300] if sentences else "it gave no reason"
