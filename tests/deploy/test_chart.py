"""The Helm chart: helm renders it, and every object is valid by the schemas of Kubernetes."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHART = Path(__file__).parents[2] / "switch" / "deploy" / "helm" / "payswitch"
KUBERNETES = "1.31"
CLOUD = (
    "database.mode=cloudnativepg",
    "certificates.issuer.name=ca",
    "ingress.enabled=true",
    "ingress.host=switch.example",
    "monitoring.podMonitor=true",
    "monitoring.tokenSecret=payswitch-metrics",
    "monitoring.rules=true",
    "rails.IN=rail-in",
)
pytestmark = pytest.mark.skipif(not shutil.which("helm"), reason="helm is not installed")


def helm(*words: str) -> str:
    done = subprocess.run(["helm", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(*settings: str) -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    sets = [word for setting in settings for word in ("--set", setting)]
    text = helm("template", "pay", str(CHART), "--kube-version", f"{KUBERNETES}.0", *sets)
    return [document for document in yaml.safe_load_all(text) if document]


def of(documents: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in documents if found["kind"] == kind}


def pods(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pod of each process."""
    return {
        found["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: found["spec"][
            "template"
        ]["spec"]
        for found in documents
        if found["kind"] in {"Deployment", "StatefulSet", "Job"}
    }


PROCESSES = {"api", "pages", "writer", "caretaker", "messenger"}
"""The others are of people: the Job before each release, and the pod in which they run commands."""


def test_helm_finds_nothing() -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


@pytest.mark.parametrize("settings", [(), CLOUD, ("api.autoscaling.enabled=false",)])
def test_every_object_is_valid(settings: tuple[str, ...]) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    without = {"Cluster", "Certificate", "PodMonitor", "PrometheusRule"}
    documents = rendered(*settings)
    for document in documents:
        if document["kind"] not in without:
            validate.validate(document, KUBERNETES, strict=True)

    names = [(document["kind"], document["metadata"]["name"]) for document in documents]
    assert len(set(names)) == len(names)
    assert {kind for kind, _ in names} & without == (without if settings is CLOUD else set())


def test_every_container_is_hardened_and_has_probes_and_bounds() -> None:
    found = pods(rendered())

    assert found.keys() == {*PROCESSES, "prepare", "operator"}
    for process, pod in found.items():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"].keys() == {"requests", "limits"}
        (container,) = pod["containers"]
        probes = {"startupProbe", "livenessProbe", "readinessProbe"} & container.keys()
        assert len(probes) == (3 if process in PROCESSES else 0), process


@pytest.mark.parametrize("settings", [(), CLOUD], ids=["url", "cloudnativepg"])
def test_each_process_has_the_logins_of_its_own_and_no_other(settings: tuple[str, ...]) -> None:
    found = {}
    for process, pod in pods(rendered(*settings)).items():
        (container,) = pod["containers"]
        given = [one for one in container["env"] if one["name"].startswith("PAYSWITCH_DATABASE")]
        references = [one["valueFrom"]["secretKeyRef"] for one in given]
        assert {one["name"] for one in references} == {"payswitch-database"}
        found[process] = [one["key"] for one in references]

    assert found == {
        "writer": ["writer"],
        "api": ["api", "reader"],
        "pages": ["pages", "reader"],
        "caretaker": ["caretaker"],
        "messenger": ["messenger"],
        "prepare": ["owner"],
        "operator": ["owner", "pages", "reader"],
    }


def test_each_process_has_only_the_files_that_it_uses() -> None:
    """The claim gave every pod all keys: the messenger could read the seal of authenticators."""
    found, rails = {}, {}
    for process, pod in pods(rendered("rails.IN=rail-in")).items():
        (container,) = pod["containers"]
        mounts = container["volumeMounts"]
        found[process] = {mount.get("subPath", "") for mount in mounts if mount["name"] == "data"}
        rails[process] = [mount["mountPath"] for mount in mounts if mount["name"] == "rail-in"]
        for mount in mounts:
            assert mount["mountPath"] == f"/data/{mount['subPath']}" if "subPath" in mount else True

    assert found == {
        "writer": {"audit", "restore"},
        "api": {"keys", "reports", "settlement", "audit", "archive"},
        "pages": {"keys", "people", "reports", "settlement", "audit", "archive"},
        "caretaker": {"keys", "reports", "settlement", "audit", "archive", "restore"},
        "messenger": {"keys"},
        "prepare": {""},
        "operator": {""},
    }
    assert {process for process, places in rails.items() if places == ["/data/rails/IN"]} == {
        "api", "pages", "caretaker", "prepare", "operator",
    }  # fmt: skip


def test_a_cluster_of_cloudnativepg_is_valid_by_its_operators_schema() -> None:
    """TEST_CRDS names a directory of the operator's source, config/crd/bases."""
    yaml, jsonschema = pytest.importorskip("yaml"), pytest.importorskip("jsonschema")
    if "TEST_CRDS" not in os.environ:
        pytest.skip("TEST_CRDS names no directory with the schemas of CloudNativePG")
    file = Path(os.environ["TEST_CRDS"]) / "postgresql.cnpg.io_clusters.yaml"
    versions = yaml.safe_load(file.read_text())["spec"]["versions"]
    (schema,) = [version["schema"]["openAPIV3Schema"] for version in versions if version["name"] == "v1"]
    (cluster,) = of(rendered(*CLOUD), "Cluster").values()

    assert [error.message for error in jsonschema.Draft7Validator(_closed(schema)).iter_errors(cluster)] == []


def _closed(schema: Any) -> Any:
    """The schema with no other fields than it names: Kubernetes would silently drop them."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    is_object = isinstance(closed.get("properties"), dict) and closed.get("type") == "object"
    is_open = {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & closed.keys()
    if is_object and closed["properties"].keys() != {"apiVersion", "kind"} and not is_open:
        closed["additionalProperties"] = False
    if closed.get("x-kubernetes-int-or-string"):
        closed = {}
    return closed


def test_the_writer_has_a_standby_on_another_node_and_every_client_knows_both() -> None:
    documents = rendered()
    (writer,) = of(documents, "StatefulSet").values()
    addresses = ["tcp+tls://pay-writer-0.pay-writer:8330", "tcp+tls://pay-writer-1.pay-writer:8330"]

    assert writer["spec"]["replicas"] == len(addresses)
    (spread,) = writer["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "DoNotSchedule"
    for process in PROCESSES | {"operator"}:
        pod = pods(documents)[process]
        environment = {one["name"]: one.get("value", "") for one in pod["containers"][0]["env"]}
        assert json.loads(environment["PAYSWITCH_WRITER"]) == addresses
    assert of(documents, "Service")["pay-writer"]["spec"]["publishNotReadyAddresses"] is True


def test_every_selector_finds_its_pods_and_every_mount_has_a_volume() -> None:
    documents = rendered(*CLOUD)
    labels = [
        found["spec"]["template"]["metadata"]["labels"]
        for found in documents
        if found["kind"] in {"Deployment", "StatefulSet"}
    ]
    for kind in ("Service", "PodDisruptionBudget"):
        for name, found in of(documents, kind).items():
            selector = found["spec"]["selector"]
            wanted = selector.get("matchLabels", selector).items()
            assert len([label for label in labels if wanted <= label.items()]) == 1, name
    for pod in pods(documents).values():
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_a_pod_ends_after_its_requests_and_the_budget_leaves_some() -> None:
    documents = rendered()
    api = of(documents, "Deployment")["pay-api"]["spec"]
    environment = {one["name"]: one.get("value") for one in api["template"]["spec"]["containers"][0]["env"]}
    scaler = of(documents, "HorizontalPodAutoscaler")["pay-api"]["spec"]

    assert (
        api["template"]["spec"]["terminationGracePeriodSeconds"] > int(environment["PAYSWITCH_DRAIN_S"]) + 20
    )
    assert "replicas" not in api, "the autoscaler decides"
    assert of(documents, "PodDisruptionBudget")["pay-api"]["spec"]["minAvailable"] < scaler["minReplicas"]


def test_nothing_reaches_the_writer_but_the_other_processes() -> None:
    policies = of(rendered(), "NetworkPolicy")
    (rule,) = policies["pay-writer"]["spec"]["ingress"]

    assert rule["ports"] == [{"protocol": "TCP", "port": 8330}]
    assert rule["from"][0]["podSelector"]["matchExpressions"][0]["values"] == [
        "api",
        "pages",
        "caretaker",
        "messenger",
        "operator",
    ]
    assert policies["pay-closed"]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["pay-closed"]["spec"]


def test_the_rules_of_the_chart_are_ours() -> None:
    rules = of(rendered(*CLOUD), "PrometheusRule")["pay"]["spec"]
    text = (CHART.parents[2] / "alerts" / "rules.yml").read_text()

    assert [
        rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule
    ] == re.findall(r"- alert: (\w+)", text)
