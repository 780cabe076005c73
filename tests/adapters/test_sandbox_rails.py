"""Sandbox and restart: what the supervisor relies on."""

import asyncio
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from adapters import registry
from adapters.port import Acceptance, Outcome, reserve_and_submit
from adapters.simulation.book import FILE_NAME, read
from adapters.simulation.harness import running, sample_order
from adapters.simulation.sandbox import free_port, prepare
from schemas.errors import NotFound

COUNTRIES = registry.countries()


def test_what_was_prepared_is_used_again(tmp_path):
    first, _ = prepare(tmp_path, "IN", port=1, callback_url="http://127.0.0.1:1/")
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    second, command = prepare(tmp_path, "IN", port=1, callback_url="http://127.0.0.1:1/")

    assert first == second
    assert files == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert command[:4] == [sys.executable, "-m", "adapters.simulation", "IN"]


def test_private_files_are_their_owners_only(tmp_path):
    prepare(tmp_path, "PK", port=1, callback_url="http://127.0.0.1:1/")

    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_certificate_is_for_this_machine_and_by_the_sandbox_authority(tmp_path):
    prepare(tmp_path, "IN", port=1, callback_url="http://127.0.0.1:1/")
    context = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    context.verify_flags |= ssl.VERIFY_X509_STRICT

    assert context.cert_store_stats() == {"x509": 1, "crl": 0, "x509_ca": 1}


def test_there_is_no_sandbox_where_there_is_no_adapter(tmp_path):
    with pytest.raises(NotFound):
        prepare(tmp_path, "XX", port=1, callback_url="http://127.0.0.1:1/")


def test_the_command_line_explains_itself():
    done = subprocess.run(
        [sys.executable, "-m", "adapters.simulation", "--help"], capture_output=True, text=True, check=True
    )
    assert "--connection" in done.stdout


@pytest.mark.parametrize("country", COUNTRIES)
def test_an_incomplete_connection_is_refused_at_once(tmp_path, country):
    connection, _ = prepare(tmp_path, country, port=1, callback_url="http://127.0.0.1:1/")
    for missing in ({"identity": {}}, {"signing_key": b""}, {"rail_key": b""}):
        values = {name: getattr(connection, name) for name in connection.__slots__}
        with pytest.raises(ValueError):
            registry.load(country, type(connection)(**{**values, **missing}))


@pytest.mark.long
async def test_rails_killed_in_the_middle_of_payments_credit_each_once(tmp_path):
    """kill -9 between two halves of the same orders; the second half is sent again with the same bytes."""
    async with asyncio.TaskGroup() as group:
        for country in COUNTRIES:
            group.create_task(killed_in_the_middle(tmp_path / country, country))


def test_a_free_port_stays_free_while_its_server_is_away():
    """A killed rail's port was given to somebody's outgoing connection, and the rail could not come back."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < lowest for _ in range(50))


def test_no_two_processes_are_given_the_same_port():
    """Bug: "address already in use", where two tests chose one port before either had started its server."""
    code = (
        "from adapters.simulation.sandbox import free_port\n"
        "print(*(free_port() for _ in range(200)), flush=True)\ninput()"
    )
    each = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    given = [process.stdout.readline().split() for process in each]
    for process in each:
        process.communicate("\n")

    assert len({port for ports in given for port in ports}) == 400


async def killed_in_the_middle(place, country):
    async with running(place, country, time_scale=0.1) as rail:
        natives = [rail.adapter.translate(sample_order(country)) for _ in range(12)]
        for native in natives[:8]:
            await reserve_and_submit(rail.adapter, native)
        pending = rail.adapter.translate(sample_order(country, "PENDING"))
        await reserve_and_submit(rail.adapter, pending)
        await rail.kill()
        assert (await reserve_and_submit(rail.adapter, natives[10])).acceptance is not Acceptance.ACCEPTED
        with (place / FILE_NAME).open("ab") as file:
            file.write(b'{"rail_ref": "torn')
        await rail.adapter.close()
        await rail.start()
        for native in natives[4:]:
            await reserve_and_submit(rail.adapter, native)
        outcomes = {(await rail.adapter.enquire(native)).outcome for native in [*natives, pending]}

        assert outcomes == {Outcome.DONE}
        assert [rail.credits(native.ref) for native in natives] == [1] * 12
        assert rail.credits(pending.ref) == 1


def test_reading_a_book_that_does_not_exist_yet_finds_nothing(tmp_path):
    assert list(read(tmp_path / FILE_NAME)) == []
