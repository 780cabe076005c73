"""Run one simulated rail until the process is stopped.

    python -m adapters.simulation COUNTRY --port N --data DIR --callback URL --certificate CERT --key KEY
        --connection FILE [--time-scale X] [--latency SECONDS] [--prefunded MINOR]
        [--credentials FILE] [--client-ca FILE]

`--certificate` and `--key` are the server's, PEM. `--connection` is the file that
`adapters.simulation.sandbox` wrote for this rail: a JSON object with `rail_key` (path of the rail's private
key), `participant_key` (path of our public key), `callback_ca` (path, or null) and `identity` (our ids
there). `--time-scale` shortens the delays of magic accounts, `--latency` is the rail's time for an ordinary
response. The book is `DIR/book.jsonl`.
"""

import argparse
import asyncio
import json
from pathlib import Path

from adapters import registry
from adapters.simulation import tcp
from adapters.simulation.origin import Originator
from adapters.simulation.server import Callbacks, SimulatorServer, SimulatorSettings, run


def main() -> None:
    """Parse the command line and serve."""
    options = _parser().parse_args()
    settings = _settings(options)
    callbacks = Callbacks(
        settings.callback,
        settings.callback_ca,
        settings.time_scale,
        content_type=_content_type(settings.country),
    )
    module = registry.module(settings.country, "simulator")
    simulator = module.simulator(settings, callbacks)
    origin = Originator(settings.country, options.credentials, settings.data / "originated.jsonl")
    tls = {
        "port": settings.port,
        "certificate": options.certificate,
        "key": options.key,
        "client_ca": options.client_ca,
    }
    if isinstance(simulator, tcp.TcpSimulator):
        control = tcp.ControlServer(simulator, simulator.peers, settings.rail_key, origin)
        asyncio.run(tcp.run(simulator, control, data=settings.data, **tls))
    else:
        run(SimulatorServer(simulator, callbacks, settings.rail_key, origin), **tls)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m adapters.simulation")
    parser.add_argument("country")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--callback", required=True, help="where the rail posts its responses")
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument(
        "--client-ca", type=Path, help="accept only clients with a certificate of this authority"
    )
    parser.add_argument("--connection", type=Path, required=True)
    parser.add_argument("--time-scale", type=float, default=1.0)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument(
        "--credentials", type=Path, help="file with the sandbox's participants, which originate payments"
    )
    parser.add_argument("--prefunded", type=int, default=10**15, help="minor units")
    return parser


def _settings(options: argparse.Namespace) -> SimulatorSettings:
    connection = json.loads(options.connection.read_text())
    return SimulatorSettings(
        country=options.country,
        port=options.port,
        data=options.data,
        callback=options.callback,
        rail_key=Path(connection["rail_key"]).read_bytes(),
        participant_key=Path(connection["participant_key"]).read_bytes(),
        identity=connection["identity"],
        callback_ca=Path(connection["callback_ca"]) if connection["callback_ca"] else None,
        prefunded_minor=options.prefunded,
        latency_s=options.latency,
        time_scale=options.time_scale,
    )


def _content_type(country: str) -> str:
    """Of what the rail sends: that of our own messages to it."""
    stated: str = getattr(registry.module(country, "client"), "CONTENT_TYPE", "application/xml")
    return stated


if __name__ == "__main__":
    main()
