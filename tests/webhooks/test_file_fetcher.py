"""Files of commands, fetched from a real server under the address rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge.contract.errors import CodedError, MediaUnavailable, TooLarge
from bridge.ports import FileNotFetched
from bridge.webhooks.callback_url import CallbackRules
from bridge.webhooks.file_fetcher import FileFetcher
from tests.file_host import FileHost, endless, file_host, plain, redirect

LOOPBACK = CallbackRules.of_files("public,loopback")


@pytest.fixture
async def host() -> AsyncIterator[FileHost]:
    async with file_host() as host:
        yield host


def fetcher(rules: CallbackRules = LOOPBACK, **options: float) -> FileFetcher:
    return FileFetcher(rules, own_port=None, **options)


async def fetch(fetcher: FileFetcher, url: str, limit: int = 1 << 20) -> tuple[bytes, str | None, str | None]:
    async with fetcher.fetch(url, limit) as fetched:
        return b"".join([part async for part in fetched.parts]), fetched.mimetype, fetched.filename


async def refused(fetcher: FileFetcher, url: str, limit: int = 1 << 20) -> CodedError:
    with pytest.raises(CodedError) as found:
        await fetch(fetcher, url, limit)
    return found.value


async def test_a_file_comes_with_its_type_and_name(host: FileHost) -> None:
    headers = 'Content-Type: image/png; x=1\r\nContent-Disposition: attachment; filename="../a b.png"\r\n'
    host.answers["/x"] = plain(b"bytes", headers)
    assert await fetch(fetcher(), host.url("/x#part")) == (b"bytes", "image/png", "a b.png")


async def test_redirects_are_followed_and_checked(host: FileHost) -> None:
    host.files["/there"] = b"bytes"
    host.answers |= {"/here": redirect("/there"), "/round": redirect("/round")}
    assert (await fetch(fetcher(), host.url("/here")))[0] == b"bytes"
    assert "redirects more than 5 times" in str(await refused(fetcher(), host.url("/round")))
    host.answers["/inside"] = redirect("http://169.254.169.254/latest/meta-data")
    error = await refused(fetcher(), host.url("/inside"))
    assert isinstance(error, MediaUnavailable)
    assert "169.254.169.254 is not in WA_MEDIA_HOSTS" in str(error)
    host.answers["/file"] = redirect("file:///etc/passwd")
    assert isinstance(await refused(fetcher(), host.url("/file")), MediaUnavailable)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "0.0.0.0"])
async def test_private_addresses_are_refused_by_default(host: FileHost, name: str) -> None:
    host.files["/x"] = b"secret"
    error = await refused(fetcher(CallbackRules.of_files("public")), f"http://{name}:{host.port}/x")
    assert isinstance(error, MediaUnavailable)
    assert host.asked == []


async def test_the_bridge_itself_is_refused(host: FileHost) -> None:
    assert "itself" in str(await refused(FileFetcher(LOOPBACK, own_port=host.port), host.url("/x")))
    assert host.asked == []


@pytest.mark.parametrize(
    "url", ["http://user:pass@localhost/x", "http://127.1/x", "http://localhost:0/x", "gopher://x"]
)
async def test_odd_urls_are_refused(url: str) -> None:
    error = await refused(fetcher(), url)
    assert isinstance(error, MediaUnavailable)
    assert "URL of the file" in str(error)


async def test_what_may_work_later_is_no_refusal(host: FileHost) -> None:
    assert isinstance(await refused(fetcher(), host.url("/missing")), FileNotFetched)
    assert isinstance(await refused(fetcher(), "http://localhost:1/x"), FileNotFetched)
    assert isinstance(await refused(fetcher(), "http://does-not-exist.invalid/x"), FileNotFetched)


async def test_a_cut_file_is_not_taken_for_a_whole_one(host: FileHost) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    host.answers["/x"] = cut
    assert isinstance(await refused(fetcher(), host.url("/x")), FileNotFetched)


async def test_size_and_time_are_bounded(host: FileHost) -> None:
    host.files["/large"] = b"x" * 2000
    assert isinstance(await refused(fetcher(), host.url("/large"), 1999), TooLarge)
    host.answers["/slow"] = endless(0.01)
    error = await refused(fetcher(timeout=0.3), host.url("/slow"))
    assert isinstance(error, FileNotFetched)
    assert "timed_out" in str(error) or "timed out" in str(error)

    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    host.answers["/silent"] = silent
    assert isinstance(await refused(fetcher(timeout=0.3), host.url("/silent")), FileNotFetched)


async def test_a_compressed_body_is_not_taken(host: FileHost) -> None:
    host.answers["/x"] = plain(b"packed", "Content-Encoding: gzip\r\n")
    assert isinstance(await refused(fetcher(), host.url("/x")), FileNotFetched)
