"""A real nginx for one test, with the site of deploy/nginx; only names, ports and certificate are replaced."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bridge.ops.private_broker.child import tied_command
from tests.broker.certificates import Certificates
from tests.mosquitto_server import free_port
from tests.parts import require_binary

SITE = Path(__file__).parents[2] / "deploy/nginx/wa.conf"


@dataclass(frozen=True)
class Upstreams:
    """Loopback ports of the upstreams."""

    bridge: int
    responder: int
    broker: int


class NginxServer:
    """`with NginxServer(…)`; the bridge is `https://127.0.0.1:<port>`, the responder has the name `localhost`."""

    def __init__(self, directory: Path, upstreams: Upstreams, certificates: Certificates) -> None:
        self.port, self.plain_port = free_port(), free_port()
        self._directory = directory
        self._upstreams = upstreams
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True)
        self.install_certificate(certificates)

    def install_certificate(self, certificates: Certificates) -> None:
        """Replace the certificate, as a renewal does; `reload` loads it."""
        shutil.copy(certificates.server, self._directory / "fullchain.pem")
        shutil.copy(certificates.key, self._directory / "privkey.pem")

    def reload(self) -> None:
        """The same as `systemctl reload nginx`."""
        subprocess.run([self._program, "-c", self._configuration, "-s", "reload"], check=True, capture_output=True)

    @property
    def _program(self) -> str:
        return require_binary("nginx", "nginx-light")

    @property
    def _configuration(self) -> Path:
        return self._directory / "nginx.conf"

    def _site(self) -> str:
        text = SITE.read_text(encoding="utf-8")
        for old, new in {
            "/etc/letsencrypt/live/wa.example.com/": f"{self._directory}/",
            "/var/www/acme": str(self._directory),
            "    listen [::]:443 ssl http2;\n": "",
            "    listen [::]:80;\n": "",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "wa.example.com": "127.0.0.1",
            "responder.example.com": "localhost",
            "127.0.0.1:3011": f"127.0.0.1:{self._upstreams.bridge}",
            "127.0.0.1:3013": f"127.0.0.1:{self._upstreams.responder}",
            "127.0.0.1:9001": f"127.0.0.1:{self._upstreams.broker}",
        }.items():
            assert old in text, f"{SITE.name} no longer holds {old!r}"
            text = text.replace(old, new)
        left = re.findall(r"(?m)^[^#]*(example\.com|/etc/).*$", text)
        assert not left, left
        return text

    def __enter__(self) -> NginxServer:
        folder = self._directory
        paths = "".join(
            f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self._configuration.write_text(
            f"daemon off;\nmaster_process on;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
            f"user root;\nevents {{}}\nhttp {{\n    access_log off;\n{paths}{self._site()}}}\n"
        )
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                tied_command(self._program, "-c", str(self._configuration)), stdout=output, stderr=output
            )
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((folder / "output").read_text()) from None
                time.sleep(0.01)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
