"""The managed broker as a program of its own, so that it outlives restarts of the hub."""

import errno
import os
import pwd
import random
import shutil
import signal
import socket
from datetime import UTC, datetime

from federation.private_files import read_secret, write_private
from hub.config import HubConfig
from hub.errors import BrokerMissing, ConfigInvalid
from hub.fleet.authority import HubAuthority
from hub.fleet.broker_files import Admitted, BrokerPorts, BrokerSettings, render_settings, write_admission

PROGRAM = "mosquitto"
# Below the ports that Linux gives to outgoing connections and to binds to port 0: none of these may sit on
# a remembered port while its owner starts again, nor does a caller of a port where nobody listens reach itself.
REMEMBERED_PORTS = range(10_000, 20_000)
TRIES = 100
PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin")  # sbin is not on everybody's PATH


def broker_ports(config: HubConfig) -> BrokerPorts:
    """Return the broker's ports; 0 in the configuration takes a free one, once, and remembers it. Blocks."""
    broker = config.broker
    return BrokerPorts(
        nodes=broker.port or remembered_port(config, "port", broker.host),
        subscribers=broker.subscriber_port or remembered_port(config, "subscriber-port", broker.host),
        hub=broker.hub_port or remembered_port(config, "hub-port", broker.host),
    )


def remembered_port(config: HubConfig, name: str, host: str) -> int:
    """Return the free port that was taken under this name at the first call. Blocks."""
    return int(read_secret(config.broker_folder / name, make=lambda: str(_free_port(host))))


def run_broker(config: HubConfig) -> None:
    """Become the broker; raise BrokerMissing if its program is not installed, ConfigInvalid if there is none to run."""
    program, *arguments = broker_command(config)
    write_private(config.broker_folder / "mosquitto.pid", f"{os.getpid()}\n")
    # Until mosquitto listens to this signal itself, it would be killed by it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execv(program, [PROGRAM, *arguments])  # noqa: S606 - it becomes the broker


def broker_command(config: HubConfig) -> list[str]:
    """Write what the broker reads, and return the command that runs it; raise as `run_broker` does. Blocks."""
    if not config.broker.managed:
        raise ConfigInvalid("broker.managed is false: the broker is somebody else's, and runs elsewhere")
    program = find_program()
    folder = config.broker_folder
    authority = HubAuthority(config.authority_folder, config.server_names).open(datetime.now(UTC))
    settings = BrokerSettings(
        host=config.broker.host,
        ports=broker_ports(config),
        # Started as root, mosquitto becomes another user, who could not read the private files again.
        system_user=pwd.getpwuid(os.geteuid()).pw_name,
        max_message_bytes=config.broker.max_message_bytes,
        max_queued_messages=config.broker.max_queued_messages,
    )
    write_private(folder / "mosquitto.conf", render_settings(settings, folder, server_file=authority.server_file))
    if not (folder / "revoked").exists():
        write_admission(folder, authority, Admitted())  # until the hub has started, it is the only one
    return [program, "-c", str(folder / "mosquitto.conf")]


def find_program() -> str:
    """Return the path of mosquitto; raise BrokerMissing if there is none."""
    found = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=os.pathsep.join(PLACES))
    if found is None:
        raise BrokerMissing("mosquitto is not installed; on Debian: apt-get install mosquitto")
    return found


def _free_port(host: str) -> int:
    for port in random.SystemRandom().sample(REMEMBERED_PORTS, TRIES):
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
    raise OSError(errno.EADDRINUSE, f"none of {TRIES} ports tried from {REMEMBERED_PORTS[0]} up is free; set them")
