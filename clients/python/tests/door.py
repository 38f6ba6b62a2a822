"""One address for several servers: each connection goes to the next one that lives."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class Door:
    """Lets connections in, in turn, to whatever servers there are at that moment."""

    def __init__(self, urls: Callable[[], list[str]]) -> None:
        self._urls = urls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.let_in: dict[str, int] = {}
        """Connections that each server has got."""
        threading.Thread(target=self._stand, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _stand(self) -> None:
        turn = 0
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            turn += 1
            self._lead(near, turn)

    def _lead(self, near: socket.socket, turn: int) -> None:
        urls = self._urls()
        for number in range(len(urls)):
            url = urls[(turn + number) % len(urls)]
            host, port = url.removeprefix("http://").split(":")
            try:
                far = socket.create_connection((host, int(port)))
            except OSError:
                continue
            self.let_in[url] = self.let_in.get(url, 0) + 1
            threading.Thread(target=_join, args=(near, far), daemon=True).start()
            return
        near.close()


def _join(near: socket.socket, far: socket.socket) -> None:
    with near, far:
        back = threading.Thread(target=_carry, args=(far, near), daemon=True)
        back.start()
        _carry(near, far)
        back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Carries bytes until one side ends, which ends the other."""
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
