"""deploy/tls on a stock Debian's nginx: beside its default site, with IPv6, and no certificate yet."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.debian import Debian, stock_debian

TLS = Path(__file__).parents[2] / "deploy/tls"


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Debian]:
    with stock_debian(tmp_path / "root", tmp_path / "programs") as machine:
        yield machine


def put(debian: Debian, *names: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run deploy/tls."""
    environment = debian.environment | changes
    return subprocess.run([TLS, *names], env=environment, capture_output=True, text=True, check=False, timeout=50)


def answer(debian: Debian, name: str, address: str = "127.0.0.1") -> httpx.Response:
    """What the site answers over HTTPS to a client that verifies the certificate's name."""
    trusted = ssl.create_default_context(cafile=debian.root / "etc/letsencrypt/live/wa.shop.test/fullchain.pem")
    transport = httpx.HTTPTransport(verify=trusted, retries=5)
    with httpx.Client(transport=transport, timeout=30) as client:
        url = f"https://{address}:{debian.https}/metrics"
        return client.get(url, headers={"Host": name}, extensions={"sni_hostname": name})


def test_a_name_gets_a_certificate_and_a_site_beside_the_default_one(debian: Debian) -> None:
    done = put(debian, "wa.shop.test", WA_EMAIL="ana@shop.test")
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
    for address in ("127.0.0.1", "[::1]"):
        assert answer(debian, "wa.shop.test", address).headers["strict-transport-security"]  # our server, not another
        stranger = httpx.get(f"http://{address}:{debian.http}/none", headers={"Host": "old.shop.test"}, trust_env=False)
        assert stranger.status_code == 404  # of the default site, which does not redirect


def test_a_second_name_is_the_responder_s_and_a_repetition_asks_for_no_certificate(debian: Debian) -> None:
    assert put(debian, "wa.shop.test", "bot.shop.test").returncode == 0
    again = put(debian, "wa.shop.test", "bot.shop.test")
    assert again.returncode == 0, again.stderr
    assert len([line for line in debian.calls if line.startswith("certbot")]) == 1
    assert "server_name bot.shop.test;" in debian.site
    assert "server_name wa.shop.test bot.shop.test;" in debian.site


def test_a_second_name_that_is_added_later_gets_into_the_certificate(debian: Debian) -> None:
    assert put(debian, "wa.shop.test").returncode == 0
    later = put(debian, "wa.shop.test", "bot.shop.test")
    assert later.returncode == 0, later.stderr
    (_, added) = [line for line in debian.calls if line.startswith("certbot")]
    assert "--expand" in added
    assert "-d wa.shop.test -d bot.shop.test" in added
    assert answer(debian, "bot.shop.test").status_code == 404  # /metrics is not exposed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A=b\n#WA_HTTP_PROXIES=\nC=d\n", "A=b\nWA_HTTP_PROXIES=loopback\nC=d\n"),
        ("A=b", "A=b\nWA_HTTP_PROXIES=loopback\n"),
        ("WA_HTTP_PROXIES=10.0.0.1\n", "WA_HTTP_PROXIES=10.0.0.1\n"),  # the operator's
    ],
)
def test_the_services_trust_nginx_unless_the_operator_has_decided(debian: Debian, before: str, after: str) -> None:
    settings = debian.root / "etc/wa/wa.env"
    settings.parent.mkdir()
    settings.write_text(before)
    settings.chmod(0o600)
    assert put(debian, "wa.shop.test").returncode == 0
    assert put(debian, "wa.shop.test").returncode == 0
    assert (settings.read_text(), settings.stat().st_mode & 0o777) == (after, 0o600)
    assert debian.calls.count("systemctl try-restart wa-bridge wa-responder") == (before != after)


def test_a_name_without_a_certificate_leaves_a_working_nginx(debian: Debian) -> None:
    (debian.root / "no-dns").touch()
    failed = put(debian, "wa.shop.test")
    assert failed.returncode == 1
    assert "Does the name lead to this machine" in failed.stderr
    check = ["nginx", "-t", "-q", "-c", str(debian.root / "etc/nginx/nginx.conf")]
    assert subprocess.run(check, check=False, env=debian.environment, capture_output=True).returncode == 0
    (debian.root / "no-dns").unlink()
    assert put(debian, "wa.shop.test").returncode == 0


@pytest.mark.parametrize("name", ["wa.example.com", "$(reboot)", "-x", "a/b", "a b;"])
def test_a_name_that_is_none_is_refused(debian: Debian, name: str) -> None:
    refused = put(debian, name)
    assert refused.returncode == 1
    assert "is not the name of a host" in refused.stderr
    assert not (debian.root / "calls").exists()
