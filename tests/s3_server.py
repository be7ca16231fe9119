"""An S3-compatible server for tests: moto's, on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen
from uuid import uuid4


@contextmanager
def s3_server() -> Iterator[str]:
    """Its address."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer  # with boto3 and Flask: 0.4 s in each worker

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> str:
    """The location of a folder in a new bucket, as `WA_MEDIA_STORE` has it."""
    bucket = f"wa-{uuid4().hex}"
    urlopen(Request(f"{endpoint}/{bucket}", method="PUT")).close()
    return f"s3://{bucket}/wa/media?endpoint={endpoint}"
