"""A certificate authority for one test, made with the openssl program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.parts import require_binary


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority's certificate, and a server's for 127.0.0.1 with its key."""

    authority: Path
    server: Path
    key: Path


def make_certificates(directory: Path) -> Certificates:
    """A new authority and one certificate signed by it, valid for a day."""
    openssl = require_binary("openssl", "openssl")
    directory.mkdir(parents=True, exist_ok=True)

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=directory, check=True, capture_output=True)

    elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
    run("req", "-x509", *elliptic, "-keyout", "ca.key", "-out", "ca.crt", "-days", "1", "-subj", "/CN=ca", *extensions)
    run("req", *elliptic, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=broker")
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "names"]
    run("x509", "-req", "-in", "server.csr", "-out", "server.crt", *signing)
    return Certificates(directory / "ca.crt", directory / "server.crt", directory / "server.key")
