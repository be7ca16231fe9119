"""The newest release is asked for only where an address is set; what answers there is not trusted."""

from __future__ import annotations

import json

import pytest

from bridge.ops.doctor.release import release
from bridge.ops.releases import ReleasesUnreachable, ReleaseWatch, is_newer, newest_release
from tests.file_host import endless, file_host


def named(version: object) -> bytes:
    return json.dumps({"info": {"version": version}}).encode()


@pytest.mark.parametrize(
    ("found", "installed", "newer"),
    [("0.10.0", "0.9.0", True), ("0.9", "0.9.0", False), ("0.9.0", "0.10.0", False), ("1.0", "0.9.1.dev3", True)],
)
def test_releases_are_compared_by_their_numbers(found: str, installed: str, newer: bool) -> None:
    assert is_newer(found, installed) is newer


async def test_the_doctor_says_whether_a_newer_one_is_out() -> None:
    async with file_host() as host:
        host.files["/json"] = named("0.2.0")
        assert (await release(host.url("/json"), "0.1.0")).what == "0.2.0 is out, 0.1.0 runs here."
        assert (await release(host.url("/json"), "0.2.0")).level == "ok"
        found = await release(host.url("/none"), "0.1.0")
        assert (found.level, found.what) == ("warning", "WA_RELEASES does not answer (HTTPStatusError).")


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"info": 3}',
        named(None),
        named(2),
        named("<b>9</b>"),
        named("9.0.0rc1"),
    ],
)
async def test_what_names_no_release_is_none(answer: bytes) -> None:
    async with file_host() as host:
        host.files["/json"] = answer
        with pytest.raises(ReleasesUnreachable):
            await newest_release(host.url("/json"))


async def test_an_answer_without_an_end_is_cut_off() -> None:
    async with file_host() as host:
        host.answers["/json"] = endless()
        with pytest.raises(ReleasesUnreachable, match="more than 8000000 bytes"):
            await newest_release(host.url("/json"))


async def test_without_an_address_nothing_is_asked() -> None:
    watch = ReleaseWatch(None, "0.1.0")
    await watch.run()
    assert watch.newer is None
