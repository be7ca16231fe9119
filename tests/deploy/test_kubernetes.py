"""deploy/kubernetes: valid by the schemas of Kubernetes; its settings and endpoints exist; no pod is root."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.http.guard import PUBLIC
from bridge.settings import BridgeSettings
from campaigns.settings import CampaignSettings
from responder.settings import ResponderSettings

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "kubernetes"
NAMES = {
    str(field.validation_alias)
    for settings in (BridgeSettings, CampaignSettings, ResponderSettings)
    for field in settings.model_fields.values()
}
#: The endpoints that need no key, by service; the probes may ask these only.
ENDPOINTS = {
    "bridge": {"/healthz", "/readyz"},
    "responder": {"/healthz", "/readyz"},
    "campaigns": {"/health", "/readyz"},
    "nats": {"/healthz"},
}


def manifests() -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
    files = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
    assert sorted(kustomization["resources"]) == ["../cluster", *files]
    [generated] = yaml.safe_load((FOLDER / "../cluster/kustomization.yaml").read_text(encoding="utf-8"))[
        "configMapGenerator"
    ]
    assert all((FOLDER / "../cluster" / name).is_file() for name in generated["files"])
    found = [yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")) for name in files]
    return list(chain.from_iterable(found))


def pods() -> list[tuple[str, dict[str, Any]]]:
    return [
        (one["metadata"]["name"], one["spec"]["template"]["spec"])
        for one in manifests()
        if one["kind"] in ("StatefulSet", "Deployment")
    ]


@pytest.mark.parametrize("version", ["1.30", "1.33"])
def test_every_manifest_is_valid(version: str) -> None:
    import kubernetes_validate  # type: ignore[import-untyped]  # with jsonschema, which no other test uses

    for one in manifests():
        kubernetes_validate.validate(one, version, strict=True)


def test_the_validator_finds_what_is_wrong() -> None:
    import kubernetes_validate

    broken = next(one for one in manifests() if one["kind"] == "StatefulSet")
    broken["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.33", strict=True)


def test_settings_exist() -> None:
    shared = next(one for one in manifests() if one["kind"] == "ConfigMap")["data"]
    named = set(shared)
    for name, pod in pods():
        if name != "nats":
            named |= {one["name"] for one in pod["containers"][0]["env"]} - {"HOME"}
    assert named <= NAMES, named - NAMES


def test_probes_ask_endpoints_that_need_no_key() -> None:
    assert {"/healthz", "/readyz"} <= PUBLIC.paths
    for name, pod in pods():
        container = pod["containers"][0]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["path"].partition("?")[0] in ENDPOINTS[name], (name, probe)


def test_no_pod_is_root_or_writes_outside_its_volumes() -> None:
    assert len(pods()) == 4
    for name, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        [container] = pod["containers"]
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_every_pod_has_a_network_policy_and_a_session_has_one_pod() -> None:
    policies = [one["metadata"]["name"] for one in manifests() if one["kind"] == "NetworkPolicy"]
    assert policies == ["default-deny", "nats", "bridge", "services"]
    [bridge] = [one for one in manifests() if one["metadata"]["name"] == "bridge" and one["kind"] == "StatefulSet"]
    assert bridge["spec"]["replicas"] == 1
    assert bridge["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "data"
