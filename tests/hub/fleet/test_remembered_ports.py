"""Ports that a hub takes once and keeps."""

from pathlib import Path

from hub.fleet.broker_process import broker_ports
from tests.hub.conftest import hub_config


def test_a_port_that_is_remembered_is_none_that_linux_gives_away_while_its_owner_is_down(tmp_path: Path) -> None:
    first_given_away = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    config = hub_config(tmp_path)

    ports = broker_ports(config)

    assert max(ports.nodes, ports.subscribers, ports.hub) < first_given_away
    assert broker_ports(config) == ports
