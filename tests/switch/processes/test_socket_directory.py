"""The writer's socket lies in a directory of ours, or the process refuses to start."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.postgres import PostgresError, _socket_directory
from switch.base.causes import Impossible
from switch.base.settings import Settings
from switch.processes.writer import WriterServer
from switch.writer.client import Link

NOBODY = 65534


@pytest.fixture
def socket(data_directory: Path) -> Iterator[Path]:
    """The place of a socket whose path would be too long below the data directory: everybody can guess it."""
    place = Settings(data=data_directory / ("d" * 120)).writer_socket
    yield place
    shutil.rmtree(place.parent, ignore_errors=True)


async def test_socket_directory_in_tmp_taken_first(socket: Path, database_url: str) -> None:
    """An attack: another user made the directory first, took the writer's socket away and posed as the writer."""
    socket.parent.mkdir(mode=0o755)
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory to another user")
    os.chown(socket.parent, NOBODY, NOBODY)
    writer, link = WriterServer(database_url, 1000), Link(socket)
    try:
        with pytest.raises(Impossible, match="is not a directory of this user"):
            await writer.serve(socket)
        with pytest.raises(Impossible, match="is not a directory of this user"):
            await link.start()
    finally:
        await writer.stop()

    assert not socket.exists()


@pytest.mark.parametrize("mode", [0o770, 0o707], ids=oct)
async def test_a_directory_in_which_others_may_write_is_refused(socket: Path, mode: int) -> None:
    socket.parent.mkdir()
    socket.parent.chmod(mode)

    with pytest.raises(Impossible, match="run chmod go-w"):
        await Link(socket).start()


async def test_a_link_in_the_place_of_the_directory_is_refused(socket: Path, tmp_path: Path) -> None:
    socket.parent.symlink_to(tmp_path)
    try:
        with pytest.raises(Impossible, match="is not a directory of this user"):
            await Link(socket).start()
    finally:
        socket.parent.unlink()


def test_the_directory_of_the_database_is_checked_too(data_directory: Path) -> None:
    data = data_directory / ("d" * 120) / "postgres"
    made = _socket_directory(data, None)
    made.chmod(0o777)
    try:
        with pytest.raises(PostgresError, match="other users may write"):
            _socket_directory(data, None)
    finally:
        made.rmdir()
