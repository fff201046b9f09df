"""The nursery: a process of one thread with FFmpeg loaded, which forks a child for every attempt and ends it again."""

import os
import signal
import socket
import sys
from typing import NoReturn

from appliance.streams.ffmpeg import child
from appliance.streams.ffmpeg.wire import ORDER, ORDER_LIMIT_BYTES, Begin, End, Header, Order, Pull, frame

REAP_EVERY_S = 0.5


def main(argv: list[str]) -> int:
    """Serve the socket whose number is the only argument, until its other end is closed; return 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for `streams`, whose end is ours
    with socket.socket(fileno=int(argv[0])) as control:
        control.settimeout(REAP_EVERY_S)
        _Nursery(control).serve()
    return 0


class _Nursery:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, int] = {}  # process by the id that `streams` has given it

    def serve(self) -> None:
        """Obey until the other end is gone; then no child is left."""
        while True:
            self._reap()
            try:
                content, descriptors, _, _ = socket.recv_fds(self._control, ORDER_LIMIT_BYTES, 1)
            except TimeoutError:
                continue
            if not content:
                break
            self._obey(ORDER.validate_json(content), descriptors)
        for process in self._children.values():
            os.kill(process, signal.SIGKILL)

    def _obey(self, order: Order, descriptors: list[int]) -> None:
        if isinstance(order, Begin) and descriptors:
            self._begin(order, descriptors[0])
        elif isinstance(order, End) and order.number in self._children:
            os.kill(self._children[order.number], signal.SIGKILL)
        for descriptor in descriptors:
            os.close(descriptor)

    def _begin(self, order: Begin, descriptor: int) -> None:
        process = os.fork()
        if process == 0:
            self._control.close()
            _run(order.pull, descriptor)
        self._children[order.number] = process

    def _reap(self) -> None:
        """Forget the children that have ended; until then nobody else gets their number."""
        for number, process in tuple(self._children.items()):
            if os.waitpid(process, os.WNOHANG)[0]:
                del self._children[number]


def _run(wanted: Pull, descriptor: int) -> NoReturn:
    """Be the child: pull, and never return into the code of the nursery."""
    try:
        with socket.socket(fileno=descriptor) as out:

            def write(header: Header, payload: bytes) -> None:
                out.sendall(frame(header, payload))

            child.pull(wanted, write)
    except OSError:
        os._exit(1)  # nobody reads any more
    finally:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
