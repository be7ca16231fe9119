"""An npm registry on this machine, for the real npm: packages made by the tests, with the hashes that npm checks."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


def packed(name: str, version: str, files: Mapping[str, str], description: Mapping[str, object] | None = None) -> bytes:
    """The tarball of a package."""
    tarball = io.BytesIO()
    manifest = json.dumps({"name": name, "version": version, **(description or {})})
    with tarfile.open(fileobj=tarball, mode="w:gz") as tar:
        for path, content in {"package.json": manifest, **files}.items():
            body = content.encode()
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return tarball.getvalue()


class NpmRegistry:
    """`url` goes into `npm_config_registry`; the package published last is the newest."""

    def __init__(self) -> None:
        self.url = ""
        self._packages: dict[str, dict[str, bytes]] = {}
        self._corrupted: set[str] = set()

    def publish(
        self, name: str, version: str, files: Mapping[str, str], description: Mapping[str, object] | None = None
    ) -> None:
        self._packages.setdefault(name, {})[version] = packed(name, version, files, description)

    def corrupt(self, name: str, version: str) -> None:
        """Serve another content than the hash in the registry says."""
        self._corrupted.add(f"{name}/-/{version}.tgz")

    def answer(self, path: str) -> bytes | None:
        name, _, file = unquote(path).lstrip("/").partition("/-/")
        versions = self._packages.get(name)
        if versions is None:
            return None
        if file:
            body = versions.get(file.removesuffix(".tgz"))
            return b"" if body and f"{name}/-/{file}" in self._corrupted else body
        listed = {version: self._listed(name, version, body) for version, body in versions.items()}
        return json.dumps({"name": name, "dist-tags": {"latest": list(listed)[-1]}, "versions": listed}).encode()

    def _listed(self, name: str, version: str, body: bytes) -> dict[str, object]:
        digest = base64.b64encode(hashlib.sha512(body).digest()).decode()
        tarball = f"{self.url}{name}/-/{version}.tgz"
        return {"name": name, "version": version, "dist": {"tarball": tarball, "integrity": f"sha512-{digest}"}}


@contextmanager
def npm_registry() -> Iterator[NpmRegistry]:
    """A running registry."""
    registry = NpmRegistry()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = registry.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"{}")))
            self.end_headers()
            self.wfile.write(body or b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        registry.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, name="npm registry").start()
        try:
            yield registry
        finally:
            server.shutdown()
