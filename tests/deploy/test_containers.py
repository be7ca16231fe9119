"""Dockerfile and compose: validated by compose itself; the scripts of the image run without an engine.

There is no Docker engine, so these tests build no image and start no container.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.mosquitto_server import free_port
from tests.parts import require_binary

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy/docker"


@pytest.fixture
def composed(tmp_path: Path) -> dict[str, Any]:
    """The file as compose resolves it, with the settings copied as its first comment says."""
    compose = require_binary("docker-compose", "docker-compose")
    project = tmp_path / "deploy"
    shutil.copytree(ROOT / "deploy", project)
    for name in ("wa", "responder", "campaigns"):
        shutil.copy(project / f"{name}.env.example", project / f"docker/{name}.env")
    read = subprocess.run(
        [compose, "-f", "compose.yaml", "--profile", "*", "config"],
        cwd=project / "docker",
        env={"PATH": os.environ["PATH"], "DB_PASSWORD": "from-the-environment"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    return dict(yaml.safe_load(read.stdout))


def test_compose_accepts_the_file_and_its_services_fit_together(composed: dict[str, Any]) -> None:
    services = composed["services"]
    assert set(services) == {
        "init",
        "broker",
        "websockets",
        "bridge",
        "responder",
        "campaigns",
        "database",
        "nginx",
        "prometheus",
        "grafana",
    }
    assert services["broker"]["depends_on"] == {"init": {"condition": "service_completed_successfully"}}
    inside = {name for name, service in services.items() if service.get("network_mode") == "service:broker"}
    assert inside == set(services) - {"init", "broker"}
    assert {name for name, service in services.items() if service.get("ports")} == {"broker"}
    assert services["database"]["environment"]["MARIADB_PASSWORD"] == "from-the-environment"


def test_grafana_and_prometheus_find_their_mounted_files() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    volumes = [volume.split(":") for name in ("prometheus", "grafana") for volume in services[name]["volumes"]]
    mounted = {target: DOCKER / source for source, target, *_ in volumes if "/" in source}
    assert all(source.is_file() for source in mounted.values())
    provider = yaml.safe_load(mounted["/etc/grafana/provisioning/dashboards/wa.yml"].read_text())["providers"][0]
    assert f"{provider['options']['path']}/bridge.json" in mounted
    [source] = yaml.safe_load(mounted["/etc/grafana/provisioning/datasources/wa.yml"].read_text())["datasources"]
    listens = next(word for word in services["prometheus"]["command"] if "listen-address" in word)
    assert source["url"] == f"http://{listens.partition('=')[2]}"
    rules = yaml.safe_load(mounted["/etc/prometheus/prometheus.yml"].read_text())["rule_files"]
    assert all(f"/etc/prometheus/{file}" in mounted for file in rules)
    ports = services["broker"]["ports"]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == ["80:80", "443:443"]


def test_containers_have_minimal_privileges(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged"), name
        assert not service.get("cap_add"), name
    for name in ("init", "broker", "websockets", "bridge", "responder", "campaigns"):
        service = composed["services"][name]
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
    bridge = composed["services"]["bridge"]
    assert any(option.startswith("seccomp:") for option in bridge["security_opt"])
    assert int(re.sub(r"\D", "", bridge["stop_grace_period"])) >= 45  # the browser writes its login


def test_the_seccomp_profile_allows_the_same_calls_as_the_unit() -> None:
    (rule,) = json.loads((DOCKER / "seccomp.json").read_text())["syscalls"]
    unit = (ROOT / "deploy/systemd/wa-bridge.service").read_text()
    named = {call for line in re.findall(r"(?m)^SystemCallFilter=(.*)$", unit) for call in line.split()}
    assert {call for call in named if call[0] != "@"} <= set(rule["names"])
    assert {"clone", "clone3", "unshare", "pkey_alloc"} <= set(rule["names"])
    assert not {"mount", "ptrace", "bpf", "init_module", "kexec_load", "reboot", "swapon"} & set(rule["names"])


def test_the_dockerfile_copies_existing_files_and_runs_unprivileged() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", text):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    last = text[text.rindex("\nFROM ") :]
    users = re.findall(r"(?m)^USER (\S+)$", last)
    assert users == ["wa"]
    assert last.index("USER wa") < last.index("ENTRYPOINT")
    assert "HEALTHCHECK" in last
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    (uid,) = re.findall(r"useradd --uid (\d+)", text)
    assert compose["services"]["broker"]["user"] == f"{uid}:{uid}"


def test_start_uses_the_address_that_init_wrote(tmp_path: Path) -> None:
    (tmp_path / "bridge.env").write_text("WA_MQTT_URL=mqtt://bridge:a%20b@127.0.0.1:1883\n")
    (tmp_path / "wa").write_text('#!/bin/sh\necho "$* $WA_MQTT_URL"\n')
    (tmp_path / "wa").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "WA_CREDENTIALS": str(tmp_path)}

    def started(*arguments: str, **more: str) -> str:
        command = [str(DOCKER / "start"), *arguments]
        return subprocess.run(
            command, env={**environment, **more}, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert started("bridge") == "bridge mqtt://bridge:a%20b@127.0.0.1:1883"
    assert started("bridge", WA_MQTT_URL="mqtt://elsewhere") == "bridge mqtt://elsewhere"
    assert started("pair", "--session", "haby").startswith("pair --session haby mqtt://bridge:")
    assert started("campaigns") == "campaigns"
    assert started("responder") == "responder"  # its file does not exist


class _Answering(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (401, True), (503, False)])
def test_healthy_means_that_http_answers(status: int, is_healthy: bool) -> None:
    answering = type("Answering", (_Answering,), {"status": status})
    with http.server.HTTPServer(("127.0.0.1", 0), answering) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        environment = {**os.environ, "WA_HEALTH_PORT": str(server.server_port)}
        check = subprocess.run([DOCKER / "healthy"], env=environment, capture_output=True, check=False, timeout=20)
        thread.join(10)
    assert (check.returncode == 0) is is_healthy


def test_without_an_answer_it_is_not_healthy() -> None:
    environment = {**os.environ, "WA_HEALTH_PORT": str(free_port())}
    assert subprocess.run([DOCKER / "healthy"], env=environment, capture_output=True, check=False).returncode == 1
