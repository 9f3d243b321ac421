"""What lies between an adapter and its ERP: a wire that can be cut, or lose an answer."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class ConnectionProxy:
    """Forwards connections to a server on this machine, by its port or the path of its socket.

    Attributes:
        cut: take no connection, and break those that are there.
        lose_after: bytes of a request, whose answer gets lost with its connection.
        lost: how many answers got lost.
    """

    def __init__(self, server: int | str) -> None:
        self._server = server
        self.cut = False
        self.lose_after: bytes | None = None
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ends: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # shutdown: a thread that waits in accept would keep the socket open
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_all()

    def break_all(self) -> None:
        for value in list(self._ends):
            self._drop(value)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.cut:
                near.close()
                continue
            far = self._reach()
            self._ends |= {near, far}
            lost = threading.Event()
            for source, sink, upwards in ((near, far, True), (far, near, False)):
                threading.Thread(
                    target=self._pump, args=(source, sink, lost, upwards), daemon=True
                ).start()

    def _reach(self) -> socket.socket:
        if isinstance(self._server, int):
            return socket.create_connection(("127.0.0.1", self._server))
        made = socket.socket(socket.AF_UNIX)
        made.connect(self._server)
        return made

    def _pump(
        self, source: socket.socket, sink: socket.socket, lost: threading.Event, upwards: bool
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if upwards and self.lose_after and self.lose_after in data:
                    lost.set()
                if not upwards and lost.is_set():
                    self.lost += 1
                    break
                sink.sendall(data)
        self._drop(source)
        self._drop(sink)

    def _drop(self, end: socket.socket) -> None:
        self._ends.discard(end)
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
