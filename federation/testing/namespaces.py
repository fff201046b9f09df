"""Network namespaces on one switch: boxes of a site without boxes. Needs root and iproute2."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

COMMAND_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """One network namespace with the IPv4 `address` on its only interface, `eth0`."""

    name: str
    address: str
    switch: str
    port: str

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
        """Start a command in it, as subprocess.Popen does."""
        return subprocess.Popen([_ip(), "netns", "exec", self.name, *command], **options)

    def cut(self) -> None:
        """Pull its cable out of the switch: frames vanish, no address changes."""
        _run("netns", "exec", self.switch, _ip(), "link", "set", self.port, "down")

    def mend(self) -> None:
        """Put the cable back."""
        _run("netns", "exec", self.switch, _ip(), "link", "set", self.port, "up")

    def move(self, address: str) -> None:
        """Give it another address in the place of the first one."""
        _run("-n", self.name, "address", "flush", "dev", "eth0", "scope", "global")
        _run("-n", self.name, "address", "add", f"{address}/24", "dev", "eth0")


@contextmanager
def namespaces(count: int) -> Iterator[list[Namespace]]:
    """Give `count` namespaces that reach each other and nothing else; skips where they cannot be made."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        import pytest  # noqa: PLC0415 - only tests have it

        pytest.skip("network namespaces need root and iproute2")
    stem = f"fs{os.getpid():x}"
    with ExitStack() as stack:
        switch = stack.enter_context(_added(f"{stem}s"))
        _run("-n", switch, "link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
        _run("-n", switch, "link", "set", "switch", "up")
        made = []
        for number in range(1, count + 1):
            name = stack.enter_context(_added(f"{stem}n{number}"))
            made.append(_plugged(name, switch, number))
        yield made


@contextmanager
def _added(name: str) -> Iterator[str]:
    _run("netns", "add", name)
    try:
        yield name
    finally:
        _run("netns", "delete", name)


def _plugged(name: str, switch: str, number: int) -> Namespace:
    address, port = f"198.51.100.{number}", f"port{number}"
    _run("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
    _run("-n", switch, "link", "set", port, "master", "switch", "up")
    _run("-n", name, "link", "set", "lo", "up")
    _run("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
    _run("-n", name, "link", "set", "eth0", "up")
    _run("-n", name, "route", "add", "224.0.0.0/4", "dev", "eth0")
    return Namespace(name=name, address=address, switch=switch, port=port)


def _run(*arguments: str) -> None:
    subprocess.run([_ip(), *arguments], check=True, capture_output=True, timeout=COMMAND_S)


def _ip() -> str:
    return shutil.which("ip") or "ip"
