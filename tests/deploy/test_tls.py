"""deploy/tls on a stock Debian's nginx: beside its default site, with IPv6, and no certificate yet.

nginx and its check of the configuration are real; certbot is a script that makes a certificate, and systemctl records
its calls.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.broker.certificates import make_certificates
from tests.parts import require_binary

TLS = Path(__file__).parents[2] / "deploy/tls"
#: Debian's /etc/nginx/sites-available/default, without its comments.
DEFAULT = (
    "server {\n    listen 80 default_server;\n    listen [::]:80 default_server;\n    root /var/www/html;\n"
    "    server_name _;\n    location / {\n        try_files $uri $uri/ =404;\n    }\n}\n"
)


@dataclass(frozen=True)
class Debian:
    root: Path
    environment: dict[str, str]

    def run(self, *names: str, **changes: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment | changes
        return subprocess.run([TLS, *names], env=environment, capture_output=True, text=True, check=False, timeout=50)

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    @property
    def site(self) -> str:
        return (self.root / "etc/nginx/sites-enabled/wa.conf").read_text()


@pytest.fixture
def debian(tmp_path: Path) -> Debian:
    nginx = require_binary("nginx", "nginx-light")
    root, programs = tmp_path / "root", tmp_path / "programs"
    programs.mkdir()
    folder = root / "etc/nginx"
    for name in ("sites-available", "sites-enabled"):
        (folder / name).mkdir(parents=True)
    (folder / "sites-available/default").write_text(DEFAULT)
    (folder / "sites-enabled/default").symlink_to("../sites-available/default")
    (folder / "nginx.conf").write_text(
        f"pid {root}/pid;\nerror_log {root}/error.log;\nevents {{}}\n"
        f"http {{\n    access_log off;\n    include {folder}/sites-enabled/*;\n}}\n"
    )
    made = make_certificates(tmp_path / "certificates")
    (programs / "systemctl").write_text(f'#!/bin/sh\necho "systemctl $*" >>"{root}/calls"\n')
    (programs / "certbot").write_text(
        f'#!/bin/sh\necho "certbot $*" >>"{root}/calls"\n'
        f'[ ! -e "{root}/no-dns" ] || {{ echo "DNS problem: NXDOMAIN" >&2; exit 1; }}\n'
        f'mkdir -p "{root}/etc/letsencrypt/live/wa.shop.test"\n'
        f'cp "{made.server}" "{root}/etc/letsencrypt/live/wa.shop.test/fullchain.pem"\n'
        f'cp "{made.key}" "{root}/etc/letsencrypt/live/wa.shop.test/privkey.pem"\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    path = f"{programs}:{Path(nginx).parent}:{os.environ['PATH']}"
    return Debian(root, {"PATH": path, "WA_ROOT": str(root)})


def test_a_name_gets_a_certificate_and_a_site_beside_the_default_one(debian: Debian) -> None:
    done = debian.run("wa.shop.test", WA_EMAIL="ana@shop.test")
    assert done.returncode == 0, done.stderr
    certbot = [line for line in debian.calls if line.startswith("certbot")]
    assert len(certbot) == 1
    assert "-d wa.shop.test --email ana@shop.test" in certbot[0]
    assert debian.calls.count("systemctl reload-or-restart nginx") == 2
    assert debian.calls.index(certbot[0]) == 1  # nginx answers the challenge first
    assert "responder" not in debian.site.split("upstream wa_broker")[1]
    assert ".example.com" not in debian.site.replace("*.example.com", "")
    assert "listen [::]:443" in debian.site
    assert "https://wa.shop.test/" in done.stdout


def test_a_second_name_is_the_responder_s_and_a_repetition_asks_for_no_certificate(debian: Debian) -> None:
    assert debian.run("wa.shop.test", "bot.shop.test").returncode == 0
    again = debian.run("wa.shop.test", "bot.shop.test")
    assert again.returncode == 0, again.stderr
    assert len([line for line in debian.calls if line.startswith("certbot")]) == 1
    assert "server_name bot.shop.test;" in debian.site
    assert "server_name wa.shop.test bot.shop.test;" in debian.site


def test_a_name_without_a_certificate_leaves_a_working_nginx(debian: Debian) -> None:
    (debian.root / "no-dns").touch()
    failed = debian.run("wa.shop.test")
    assert failed.returncode == 1
    assert "Does the name lead to this machine" in failed.stderr
    check = ["nginx", "-t", "-q", "-c", str(debian.root / "etc/nginx/nginx.conf")]
    assert subprocess.run(check, check=False, env=debian.environment, capture_output=True).returncode == 0
    (debian.root / "no-dns").unlink()
    assert debian.run("wa.shop.test").returncode == 0


@pytest.mark.parametrize("name", ["wa.example.com", "$(reboot)", "-x", "a/b", "a b;"])
def test_a_name_that_is_none_is_refused(debian: Debian, name: str) -> None:
    refused = debian.run(name)
    assert refused.returncode == 1
    assert "is not the name of a host" in refused.stderr
    assert not (debian.root / "calls").exists()
