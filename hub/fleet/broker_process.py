"""The managed broker as a program of its own, so that it outlives restarts of the hub."""

import os
import pwd
import shutil
import signal
import socket

from hub.config import HubConfig
from hub.errors import BrokerMissing
from hub.fleet.broker_files import BrokerSettings, hub_account, render_acl, render_passwords, render_settings
from hub.private_files import read_secret, write_private

PROGRAM = "mosquitto"
PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin")  # sbin is not on everybody's PATH


def broker_port(config: HubConfig) -> int:
    """Return the broker's port; 0 in the configuration takes a free one, once, and remembers it."""
    if config.broker.port:
        return config.broker.port
    return int(read_secret(config.broker_folder / "port", make=lambda: str(_free_port(config.broker.host))))


def run_broker(config: HubConfig) -> None:
    """Become the broker; raise BrokerMissing if its program is not installed."""
    program = find_program()
    folder = config.broker_folder
    settings = BrokerSettings(
        host=config.broker.host,
        port=broker_port(config),
        # Started as root, mosquitto becomes another user, who could not read the private files again.
        system_user=pwd.getpwuid(os.geteuid()).pw_name,
        max_message_bytes=config.broker.max_message_bytes,
        max_queued_messages=config.broker.max_queued_messages,
    )
    write_private(folder / "mosquitto.conf", render_settings(settings, folder))
    if not (folder / "passwords").exists():
        only_hub = [hub_account(folder)]
        write_private(folder / "acl", render_acl(only_hub))
        write_private(folder / "passwords", render_passwords(only_hub))
    write_private(folder / "mosquitto.pid", f"{os.getpid()}\n")
    # Until mosquitto listens to this signal itself, it would be killed by it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execv(program, [PROGRAM, "-c", str(folder / "mosquitto.conf")])  # noqa: S606 - it becomes the broker


def find_program() -> str:
    """Return the path of mosquitto; raise BrokerMissing if there is none."""
    found = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=os.pathsep.join(PLACES))
    if found is None:
        raise BrokerMissing("mosquitto is not installed; on Debian: apt-get install mosquitto")
    return found


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
