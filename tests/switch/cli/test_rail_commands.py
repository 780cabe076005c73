"""`payswitch rails test`: what works at each endpoint of a rail, over mutual TLS, without moving money."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.simulation.join import join
from adapters.simulation.sandbox import free_port
from switch import cli


@pytest.fixture(scope="module", params=["IN", "TJ"])
def rail(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """A simulated rail as a program of its own, which wants our certificate; and our data directory."""
    country, place = request.param, tmp_path_factory.mktemp("rail")
    port, data = free_port(), place / "data"
    join(country, place / "rail", data / "rails" / country, [port, free_port()])
    # fmt: off
    command = [
        sys.executable, "-m", "adapters.simulation", country, "--port", str(port),
        "--data", str(place / "rail"), "--callback", "http://127.0.0.1:1/",
        "--certificate", str(place / "rail" / "server.crt"), "--key", str(place / "rail" / "server.key"),
        "--client-ca", str(place / "rail" / "client-ca.crt"),
        "--connection", str(place / "rail" / "connection.json"),
    ]
    # fmt: on
    with subprocess.Popen(command) as process:
        yield country, data
        process.terminate()


def lines_of(capfd: pytest.CaptureFixture[str], country: str, data: Path) -> list[dict[str, object]]:
    """What the command prints, once the rail is there: nobody waits for its start."""
    for _ in range(100):
        capfd.readouterr()
        code = cli.run(["rails", "test", country, "--data", str(data)])
        lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert code == 1  # at the second endpoint nobody listens
        if lines[0]["tls"]:
            return lines
        time.sleep(0.1)
    raise AssertionError(lines)


def test_each_endpoint_is_notified(rail: tuple[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    first, second = lines_of(capfd, *rail)

    assert (first["tls"], first["answers"], first["detail"]) == ("TLSv1.3", True, "")
    assert (second["answers"], str(second["detail"]).partition(":")[0]) == (False, "no connection")


def test_a_rail_that_wants_our_certificate_does_not_answer_without_it(
    rail: tuple[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    country, data = rail
    file = data / "rails" / country / "switch.json"
    whole = file.read_text()
    content = json.loads(whole)
    file.write_text(json.dumps({k: v for k, v in content.items() if not k.startswith("certificate")}))
    try:
        first = lines_of(capfd, *rail)[0]
    finally:
        file.write_text(whole)

    assert (first["answers"], "our certificate" in str(first["detail"])) == (False, True)
