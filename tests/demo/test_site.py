"""The demo's ports and folders."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from federation.testing.ports import HOST, is_free
from hil_tests.demo.errors import DemoError
from hil_tests.demo.site import LAST_LINES, PORTAL_PORT, Site, choose_portal_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


def a_site(root: Path) -> Site:
    return Site(root=root, portal_port=1, node_port=2, broker_ports=(3, 4, 5), rig_port=6)


def test_a_wanted_portal_port_is_taken_or_refused(taken_port: int) -> None:
    with pytest.raises(DemoError, match=f"port {taken_port} is in use"):
        choose_portal_port(taken_port, otherwise=1)


def test_without_a_wish_the_portal_gets_its_usual_port_or_the_spare_one() -> None:
    with socket.socket() as holder:
        if is_free(PORTAL_PORT):
            assert choose_portal_port(None, otherwise=1) == PORTAL_PORT
            holder.bind((HOST, PORTAL_PORT))

        assert choose_portal_port(None, otherwise=1) == 1


def test_port_0_asks_for_the_spare_one() -> None:
    assert choose_portal_port(0, otherwise=20_001) == 20_001


def test_the_last_words_of_a_process_are_the_end_of_its_log(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.logs.mkdir()
    (site.logs / "hub.log").write_text("".join(f"line {number}\n" for number in range(100)))

    said = site.last_words("hub").splitlines()

    assert said[0].startswith(str(site.logs / "hub.log"))
    assert said[1:] == [f"line {number}" for number in range(100 - LAST_LINES, 100)]


def test_a_process_that_never_wrote_is_said_so(tmp_path: Path) -> None:
    assert a_site(tmp_path).last_words("broker") == f"there is no {tmp_path / 'logs' / 'broker.log'}"
