"""A real Mosquitto for tests: private port, users with ACL, to be stopped, killed and started again."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from federation.bus import BrokerAddress
from federation.testing.waiting import wait_until

MISSING = "Mosquitto is not installed: apt-get install mosquitto"
START_S = 10.0
STOP_S = 10.0
OPEN_ACL = "pattern readwrite #\n"
TRIES = 5  # another process may take the free port before Mosquitto does


def mosquitto() -> Path | None:
    """Return where Mosquitto is installed, also where PATH does not lead; None if it is not."""
    found = shutil.which("mosquitto", path=os.defpath + ":/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


@dataclass(kw_only=True)
class Broker:
    """A Mosquitto on a free loopback port, without persistence; make it with `running_broker`."""

    folder: Path
    passwords: Mapping[str, str]
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def address(self, username: str) -> BrokerAddress:
        """Return how `username` reaches the broker."""
        return BrokerAddress(host="127.0.0.1", port=self.port, username=username, password=self.passwords[username])

    def start(self) -> None:
        """Start it and return once it accepts connections; it keeps its port for all its life."""
        for _ in range(TRIES):
            port = self.port or _free_port()
            if self._start_on(port):
                self.port = port
                return
        raise AssertionError(f"Mosquitto did not start: {self._log()}")

    def stop(self) -> None:
        """End it by SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it by SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it and start it on the same port."""
        self.kill()
        self.start()

    def _start_on(self, port: int) -> bool:
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(_configuration(self.folder, port), encoding="utf-8")
        with (self.folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen(
                [str(mosquitto()), "-c", str(configuration)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._process = process
        wait_until(lambda: process.poll() is not None or _accepts(port), within_s=START_S, what="Mosquitto started")
        if process.poll() is None:
            return True
        self._process = None
        return False

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)

    def _log(self) -> str:
        return (self.folder / "mosquitto.log").read_text("utf-8", "replace")[-2000:]


@contextmanager
def running_broker(passwords: Mapping[str, str], *, acl: str = OPEN_ACL) -> Iterator[Broker]:
    """Run a broker with these users and this ACL file; nobody else is let in. Skips where there is no Mosquitto.

    Without an `acl` every user may publish and read everything.
    """
    if mosquitto() is None:
        import pytest  # noqa: PLC0415 - only tests have it

        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="fengsui-broker-") as name:
        folder = Path(name)
        _write_passwords(folder / "passwords", passwords)
        _write_private(folder / "acl", acl)
        broker = Broker(folder=folder, passwords=passwords)
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()


def _configuration(folder: Path, port: int) -> str:
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous false",
        "persistence false",
        "set_tcp_nodelay true",
        "max_queued_messages 10000",
        f"password_file {folder / 'passwords'}",
        f"acl_file {folder / 'acl'}",
        "log_type error",
        "log_type warning",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # or it would step down to a user who cannot read the folder
    return "\n".join(lines) + "\n"


def _write_passwords(path: Path, passwords: Mapping[str, str]) -> None:
    _write_private(path, "".join(f"{name}:{password}\n" for name, password in passwords.items()))
    tool = shutil.which("mosquitto_passwd", path=os.defpath + ":/usr/bin:/usr/local/bin")
    assert tool is not None, MISSING
    subprocess.run([tool, "-U", str(path)], check=True, capture_output=True)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
