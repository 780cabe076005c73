"""A TCP proxy in front of a database that can become silent: connections stay open, and nothing passes."""

import contextlib
import select
import socket
import threading
import time
from pathlib import Path
from typing import Final

_PART: Final = 1 << 16
_POLL_S: Final = 0.2


class Proxy:
    """Listens at `port` of this machine, and passes everything on to a unix socket."""

    def __init__(self, target: Path) -> None:
        self._target = str(target)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silent = 0
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """Pass nothing on any more, for the connections that there are."""
        self._silent = len(self._pairs)

    def close(self) -> None:
        """End everything."""
        self._closed = True
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            number = len(self._pairs)
            self._pairs.append((near, far))
            threading.Thread(target=self._pass_on, args=(number,), daemon=True).start()

    def _pass_on(self, number: int) -> None:
        near, far = self._pairs[number]
        other = {near: far, far: near}
        with contextlib.suppress(OSError), near, far:
            while not self._closed:
                ready, _, _ = select.select([near, far], [], [], _POLL_S)
                if number < self._silent:
                    time.sleep(_POLL_S)
                    continue  # what arrives is read by nobody, and the kernel acknowledges it
                for one in ready:
                    part = one.recv(_PART)
                    if not part:
                        return
                    other[one].sendall(part)
