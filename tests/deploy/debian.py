"""The /etc/nginx of a stock Debian below a folder, for deploy/tls and deploy/install.

nginx is real, and serves what is enabled, on free ports instead of 80 and 443. certbot is a script that does what the
authority does: it fetches a challenge over IPv4 and IPv6, then makes a certificate. systemctl records its calls, and
starts or reloads nginx.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mosquitto_server import free_port
from tests.parts import require_binary

#: Debian's /etc/nginx/sites-available/default, without its comments.
DEFAULT = (
    "server {\n    listen 80 default_server;\n    listen [::]:80 default_server;\n    root /var/www/html;\n"
    "    server_name _;\n    location / {\n        try_files $uri $uri/ =404;\n    }\n}\n"
)
SYSTEMCTL = """#!/bin/sh
echo "systemctl $*" >>"{root}/calls"
[ "$2" = nginx ] && [ "$1" != enable ] || exit 0
exec 9>&- # deploy/install's lock, which the real systemctl hands to no service
mkdir -p "{root}/served"
for site in "{root}"/etc/nginx/sites-enabled/*; do
  sed -E -e 's/listen (\\[::\\]:)?80( |;)/listen \\1{http}\\2/' -e 's/listen (\\[::\\]:)?443 /listen \\1{https} /' \\
    "$site" >"{root}/served/${{site##*/}}" || exit
done
if [ -s "{root}/pid" ]; then nginx -c "{root}/served.conf" -s reload; else nginx -c "{root}/served.conf"; fi
"""
CERTBOT = """#!/bin/sh
echo "certbot $*" >>"{root}/calls"
[ ! -e "{root}/no-dns" ] || {{ echo "DNS problem: NXDOMAIN" >&2; exit 1; }}
names=
while [ $# -gt 0 ]; do
  case $1 in
    -w) webroot=$2 ;;
    -d) names="$names $2" ;;
    --cert-name) folder={root}/etc/letsencrypt/live/$2 ;;
  esac
  shift
done
mkdir -p "$webroot/.well-known/acme-challenge" "$folder"
echo answer >"$webroot/.well-known/acme-challenge/token"
for name in $names; do
  for address in 127.0.0.1 "[::1]"; do
    url=http://$address:{http}/.well-known/acme-challenge/token
    # a reloading nginx may take a moment
    [ "$(curl -sf --noproxy '*' --retry 10 --retry-delay 1 --retry-all-errors -H "Host: $name" "$url")" = answer ] ||
      {{ echo "no answer at $url for $name" >&2; exit 1; }}
  done
  sans=${{sans:+$sans,}}DNS:$name
done
exec openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=wa \\
  -addext "subjectAltName=$sans" -keyout "$folder/privkey.pem" -out "$folder/fullchain.pem" 2>/dev/null
"""


@dataclass(frozen=True)
class Debian:
    """`environment` is that of a command which works below `root`."""

    root: Path
    environment: dict[str, str]
    http: int
    https: int

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    @property
    def site(self) -> str:
        return (self.root / "etc/nginx/sites-enabled/wa.conf").read_text()


@contextmanager
def stock_debian(root: Path, programs: Path) -> Iterator[Debian]:
    """Below `root`, with the scripts in `programs`; nginx ends with the context."""
    nginx = require_binary("nginx", "nginx-light")
    require_binary("openssl", "openssl")
    require_binary("curl", "curl")
    folder = root / "etc/nginx"
    for name in ("sites-available", "sites-enabled"):
        (folder / name).mkdir(parents=True)
    programs.mkdir(exist_ok=True)
    (folder / "sites-available/default").write_text(DEFAULT)
    (folder / "sites-enabled/default").symlink_to("../sites-available/default")
    temporary = "".join(
        f"    {kind}_temp_path {root}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    for name, sites in (("etc/nginx/nginx.conf", f"{folder}/sites-enabled/*"), ("served.conf", f"{root}/served/*")):
        pid = "checked.pid" if name.endswith("nginx.conf") else "pid"
        (root / name).write_text(  # as root: its workers read what is below tmp_path
            f"user root;\npid {root}/{pid};\nerror_log {root}/error.log;\nevents {{}}\n"
            f"http {{\n    access_log off;\n{temporary}    include {sites};\n}}\n"
        )
    ports = {"http": free_port(), "https": free_port()}
    for name, text in (("systemctl", SYSTEMCTL), ("certbot", CERTBOT)):
        (programs / name).write_text(text.format(root=root, **ports))
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:{Path(nginx).parent}:{os.environ['PATH']}", "WA_ROOT": str(root)}
    try:
        yield Debian(root, environment, **ports)
    finally:
        if (root / "pid").exists():
            subprocess.run([nginx, "-c", str(root / "served.conf"), "-s", "stop"], check=True, capture_output=True)
