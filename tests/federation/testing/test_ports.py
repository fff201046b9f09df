"""Ports for servers that start at one moment."""

import socket

from federation.testing.ports import BLOCK, FIRST, HOST, LAST, is_free, reserved


def test_ports_held_at_the_same_time_never_overlap() -> None:
    with reserved(3) as one, reserved(3) as other, reserved(BLOCK - 1) as third:
        ports = [*one, *other, *third]
        assert len(set(ports)) == 3 + 3 + BLOCK - 1
        assert all(FIRST < port < LAST for port in ports)


def test_a_reserved_port_can_be_listened_on_at_once() -> None:
    with reserved(1) as (port,), socket.socket() as server:
        server.bind((HOST, port))
        server.listen()
        assert not is_free(port)
    assert is_free(port)


def test_a_block_is_free_again_after_its_use() -> None:
    with reserved(1) as (port,):
        assert not is_free(port - 1)  # its guard
    assert is_free(port - 1)
