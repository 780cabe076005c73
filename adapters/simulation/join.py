"""Admits the switch as a participant of a simulated rail: keys, certificates, connection file.

    python -m adapters.simulation.join COUNTRY --rail DIR --participant DIR --port N [--port N ...]

`--rail` is the directory of the simulated rail: the files for `python -m adapters.simulation`, with
`client-ca.crt` for mutual TLS. `--participant` receives the files of an admitted participant: the rail's
authority `ca.crt`, its own certificate `client.crt` with `client.key`, its signing key `signing.key`, the
rail's key `rail.key`, and the connection file `switch.json`. A real rail signs a certificate request and
never sees the participant's keys; here both directories are made at once because both sides are ours.
Existing files are kept.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from adapters.simulation import sandbox

GIVEN: Final = {
    "ca.crt": "ca.crt",
    "client.crt": "client.crt",
    "client.key": "client.key",
    "participant.key": "signing.key",
    "rail.pub": "rail.key",
}
"""File of the rail's directory -> its name at the participant."""


def main(arguments: list[str]) -> None:
    """Make both directories."""
    parser = argparse.ArgumentParser(prog="python -m adapters.simulation.join")
    parser.add_argument("country")
    parser.add_argument("--rail", type=Path, required=True)
    parser.add_argument("--participant", type=Path, required=True)
    parser.add_argument("--port", type=int, action="append", required=True, help="of an endpoint")
    options = parser.parse_args(arguments)
    join(options.country, options.rail, options.participant, options.port)


def join(country: str, rail: Path, participant: Path, ports: list[int]) -> None:
    """Make the directory of a simulated rail and that of its only participant."""
    connection, _ = sandbox.prepare(rail, country, port=ports[0], callback_url="")
    sandbox.issue_client(rail)
    participant.mkdir(parents=True, exist_ok=True, mode=0o700)
    for source, name in GIVEN.items():
        sandbox.write_private(participant / name, (rail / source).read_bytes())
    scheme = connection.base_url.partition(":")[0]
    content = {
        "endpoints": [f"{scheme}://127.0.0.1:{port}" for port in ports],
        "ca_file": "ca.crt",
        "certificate_file": "client.crt",
        "certificate_key_file": "client.key",
        "signing_key_file": "signing.key",
        "rail_key_file": "rail.key",
        "identity": dict(connection.identity),
        "simulated": connection.simulated,
    }
    sandbox.write_private(participant / "switch.json", json.dumps(content, indent=2).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
