"""A real Mosquitto for tests: private port, clients with certificates and ACL, to be stopped and killed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from federation.bus import BrokerAddress
from federation.crypto import SigningKey
from federation.identity.certificate import read_request
from federation.identity.issuing import Authority
from federation.identity.key import NodeKey
from federation.identity.member import HubIdentity, Member
from federation.messages import BrokerEndpoint
from federation.private_files import write_private
from federation.testing.ports import reserved
from federation.testing.waiting import wait_until

MISSING = "Mosquitto is not installed: apt-get install mosquitto"
START_S = 60.0  # a tenth of a second on a machine that has nothing else to do
STOP_S = 10.0
OPEN_ACL = "pattern readwrite #\n"


def mosquitto() -> Path | None:
    """Return where Mosquitto is installed, also where PATH does not lead; None if it is not."""
    found = shutil.which("mosquitto", path=os.defpath + ":/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


@dataclass(kw_only=True)
class Broker:
    """A Mosquitto on a free loopback port, without persistence; make it with `running_broker`."""

    folder: Path
    authority: Authority
    keys: Mapping[str, NodeKey]
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def endpoint(self) -> BrokerEndpoint:
        """Where it answers."""
        return BrokerEndpoint(host="127.0.0.1", port=self.port)

    def address(self, name: str) -> BrokerAddress:
        """Return how `name` reaches the broker, with a certificate of its authority."""
        return BrokerAddress(endpoints=(self.endpoint,), tls=self.member(name).tls())

    def member(self, name: str, *, valid: timedelta = timedelta(days=1)) -> Member:
        """Return the node `name` with its key, as if it had joined a hub whose broker this is."""
        key, now = self.keys[name], datetime.now(UTC)
        request = read_request(key.request(name))
        identity = HubIdentity(
            hub_url="https://127.0.0.1:1",
            hub_id="0193b2c0",
            hub_name="hub",
            node_id=name,
            brokers=(self.endpoint,),
            ca=self.authority.certificate_pem,
            certificate=self.authority.issue_node(request, name, now=now, valid=valid),
            obtained_at=now,
            renew_after_s=86_400,
            signing_key=SigningKey.generate().public.to_pem(),
        )
        return Member(key=key, identity=identity)

    def start(self) -> None:
        """Start it and return once it accepts connections; it keeps its port for all its life."""
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(_configuration(self.folder, self.port), encoding="utf-8")
        with (self.folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen(
                [str(mosquitto()), "-c", str(configuration)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._process = process
        ended = process.poll
        wait_until(lambda: ended() is not None or _accepts(self.port), within_s=START_S, what="Mosquitto started")
        assert ended() is None, f"Mosquitto did not start: {self._log()}"

    def stop(self) -> None:
        """End it by SIGTERM."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it by SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it say nothing any more, its connections standing; `thaw` lets it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kill it and start it on the same port."""
        self.kill()
        self.start()

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
def running_broker(*names: str, acl: str = OPEN_ACL) -> Iterator[Broker]:
    """Run a broker that admits `names` by certificates of its own authority. Skips where there is no Mosquitto.

    Without an `acl` everybody may publish and read everything.
    """
    if mosquitto() is None:
        import pytest  # noqa: PLC0415 - only tests have it

        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="fengsui-broker-") as name, reserved(1) as (port,):
        folder = Path(name)
        authority = Authority.make()
        server = authority.issue_server(["127.0.0.1"], now=datetime.now(UTC), valid=timedelta(days=1))
        write_private(folder / "ca", authority.certificate_pem)
        write_private(folder / "server", server)
        write_private(folder / "acl", acl)
        broker = Broker(folder=folder, authority=authority, keys=made_keys(folder, *names), port=port)
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()


def made_keys(folder: Path, *names: str) -> dict[str, NodeKey]:
    """Return a new key in `folder` for each name. Blocks."""
    return {name: NodeKey.open(folder / f"{name}.key") for name in names}


def _configuration(folder: Path, port: int) -> str:
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous false",
        f"cafile {folder / 'ca'}",
        f"certfile {folder / 'server'}",
        f"keyfile {folder / 'server'}",
        "require_certificate true",
        "use_identity_as_username true",
        "persistence false",
        "set_tcp_nodelay true",
        "max_queued_messages 10000",
        f"acl_file {folder / 'acl'}",
        "log_type error",
        "log_type warning",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # or it would step down to a user who cannot read the folder
    return "\n".join(lines) + "\n"


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
