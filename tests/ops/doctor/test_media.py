"""What `wa doctor` says about the files of messages; the bucket is on a real S3-compatible server."""

from __future__ import annotations

from bridge.contract.findings import Level
from bridge.contract.s3_location import S3Location
from bridge.ops.doctor.media import bucket, voice
from tests.s3_server import new_bucket, s3_server


def test_a_missing_ffmpeg_is_a_warning_with_what_to_install() -> None:
    found = voice("no-such-program")
    assert (found.level, "apt install ffmpeg" in (found.advice or "")) == (Level.WARNING, True)
    assert voice("sh").level is Level.OK


async def test_a_bucket_is_written_read_and_left_as_it_was() -> None:
    with s3_server() as endpoint:
        location = S3Location.parse(new_bucket(endpoint))
        assert (await bucket(location, "id:secret")).level is Level.OK
        missing = S3Location("no-such-bucket", "wa", endpoint)
        found = await bucket(missing, "id:secret")
        assert found.level is Level.FAULT
        assert "s3://no-such-bucket/wa cannot be used" in found.what
    stopped = await bucket(location, "id:secret")
    assert stopped.level is Level.FAULT
