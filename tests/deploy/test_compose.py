"""`compose.yaml` and the files that it mounts, checked by the programs that read them, without an engine."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ledger.roles import PROCESSES, Login, user_of
from switch.base.settings import Settings
from switch.operations import dashboards

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "switch" / "deploy" / "compose"
SECRETS = ("database-admin", "roles.sql", "pgpass", "tls.pem", "grafana-password")


def run(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, **options)


def composed() -> list[str] | None:
    """The compose program: docker's plugin, or one by its own name."""
    if shutil.which("docker") and run("docker", "compose", "version").returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_every_service_is_hardened(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", [])), name


def test_no_secret_is_in_the_file_or_in_an_environment(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET", variable):
                assert str(value).startswith("/run/secrets/"), (name, variable)
        assert not re.search(r"//[^/\s:]+:[^/\s@]+@", json.dumps(service)), f"{name}: a URL with a password"


def test_only_the_load_balancer_is_open_to_others(services: dict[str, dict[str, Any]]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert ports.pop("haproxy") == ["${PAYSWITCH_PUBLISH:-443}:8443"]
    assert all(port.startswith("127.0.0.1:") for open_ in ports.values() for port in open_)


def test_every_file_that_is_mounted_is_there(services: dict[str, dict[str, Any]]) -> None:
    mounted = [volume for service in services.values() for volume in service.get("volumes", [])]
    files = [volume.partition(":")[0] for volume in mounted if volume.startswith("./")]

    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_compose_reads_the_file(tmp_path: Path) -> None:
    compose = composed()
    if compose is None:
        pytest.skip("neither the plugin of docker nor docker-compose is installed")
    for name in SECRETS:
        (tmp_path / name).touch()
    environment = {**os.environ, "PAYSWITCH_SECRETS": str(tmp_path), "PAYSWITCH_METRICS_TOKEN": "token"}
    done = run(*compose, "-f", ROOT / "compose.yaml", "config", "--format", "json", env=environment)

    assert done.returncode == 0, done.stderr
    config = json.loads(done.stdout)
    assert config["services"].keys() == {
        "database", "switch", "haproxy", "prometheus", "dashboards", "grafana"
    }  # fmt: skip
    assert config["networks"]["data"]["internal"] is True


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
def test_haproxy_reads_its_file(tmp_path: Path) -> None:
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    made = run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-subj", "/CN=switch.example", "-keyout", key, "-out", certificate),
    )
    assert made.returncode == 0, made.stderr
    (tmp_path / "tls.pem").write_text(certificate.read_text() + key.read_text())
    text = (DEPLOY / "haproxy.cfg").read_text().replace("/run/secrets/tls.pem", str(tmp_path / "tls.pem"))
    (tmp_path / "haproxy.cfg").write_text(
        re.sub("server (switch|pages) switch:", r"server \1 127.0.0.1:", text)
    )
    done = run("haproxy", "-c", "-f", tmp_path / "haproxy.cfg")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_reads_its_file_and_our_rules(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus.yml").read_text()
    (tmp_path / "token").touch()
    (tmp_path / "prometheus.yml").write_text(
        text.replace("/run/secrets/metrics-token", str(tmp_path / "token"))
    )
    shutil.copy(ROOT / "switch" / "alerts" / "rules.yml", tmp_path)
    done = run("promtool", "check", "config", tmp_path / "prometheus.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "job_name: payswitch" in (DEPLOY / "prometheus.yml").read_text()


def test_grafana_finds_the_dashboards_where_they_are_written(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    yaml = pytest.importorskip("yaml")
    (provider,) = yaml.safe_load((DEPLOY / "grafana" / "dashboards" / "payswitch.yaml").read_text())[
        "providers"
    ]
    (source,) = yaml.safe_load((DEPLOY / "grafana" / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    volumes = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])

    assert volumes["dashboards"] == provider["options"]["path"]
    assert services["dashboards"]["command"] == [
        "dashboards",
        services["dashboards"]["volumes"][0].split(":")[1],
    ]
    assert source["type"] == "prometheus"
    assert dashboards.write(tmp_path)


def test_each_process_logs_in_as_itself_and_the_database_lets_no_other_in(
    services: dict[str, dict[str, Any]],
) -> None:
    stated = {
        name: value
        for name, value in services["switch"]["environment"].items()
        if name.startswith("PAYSWITCH_DATABASE")
    }
    rules = [line.split() for line in (DEPLOY / "pg_hba.conf").read_text().splitlines() if line[:1] != "#"]
    settings = Settings(**{name.removeprefix("PAYSWITCH_").lower(): value for name, value in stated.items()})
    users = {login: user_of(settings.database_of(login)) for login in (*PROCESSES, Login.OWNER)}

    assert users == {login: login for login in users}
    assert [rule[:2] + rule[3:] for rule in rules] == [
        ["local", "all", "peer"],
        ["host", "payswitch", "samenet", "scram-sha-256"],
    ]
    assert set(rules[1][2].split(",")) == set(users)
