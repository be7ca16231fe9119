"""A bucket of S3-compatible storage for the files of messages. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket, and the beginning of the names in it. `endpoint` None: AWS."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `s3://bucket/prefix?region=…&endpoint=https://…`. Raises ValueError."""
        parts = urlsplit(text.strip())
        options = dict(parse_qsl(parts.query))
        if parts.scheme != "s3" or not parts.netloc or parts.fragment or options.keys() - {"endpoint", "region"}:
            raise ValueError("must be s3://bucket/prefix, with ?region= and &endpoint= where needed")
        if not options.get("endpoint", "https://").startswith(("http://", "https://")):
            raise ValueError("endpoint must begin with https:// or http://")
        return cls(parts.netloc, parts.path.strip("/"), **options)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"
