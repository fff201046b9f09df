"""Loopback ports that two servers started at one moment never both take."""

import errno
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
# Below the range from which Linux takes ports for outgoing connections and for binds to port 0 (32768 and up).
FIRST, LAST = 20_000, 32_000
BLOCK = 16

# Neither seeded nor shared: the broker of one test never gets the port of the last, to which somebody may still call.
_DICE = random.SystemRandom()


@contextmanager
def reserved(count: int) -> Iterator[list[int]]:
    """Hold `count` (1 to 15) free ports for as long as the context is open.

    The first port of a block stays bound as its guard, so that nobody else who asks here takes the block
    between our choice of a port and the moment when the program that is given it listens.
    Raises OSError (EADDRINUSE) when no block is free.
    """
    blocks = list(range(FIRST, LAST, BLOCK))
    _DICE.shuffle(blocks)
    for first in blocks:
        with socket.socket() as guard:
            if not _takes(guard, first):
                continue
            ports = [first + offset for offset in range(1, count + 1)]
            if all(is_free(port) for port in ports):
                yield ports
                return
    raise OSError(errno.EADDRINUSE, f"no {count} ports in a row are free from {FIRST} to {LAST}; end what uses them")


def is_free(port: int) -> bool:
    """Return whether nobody listens on that loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _takes(probe, port)


def _takes(endpoint: socket.socket, port: int) -> bool:
    try:
        endpoint.bind((HOST, port))
    except OSError:
        return False
    return True
