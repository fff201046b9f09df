"""The demo's site: its folders, ports and configuration files."""

import json
from dataclasses import dataclass
from pathlib import Path

from federation.testing.ports import HOST, is_free
from hil_tests.demo.errors import DemoError

PROFILES = ("capture", "analysis", "storage")
PORTAL_PORT = 8080
LAST_LINES = 20


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where everything of one demo lies. `root` is short: Unix socket paths are limited to 107."""

    root: Path
    portal_port: int
    node_port: int
    broker_ports: tuple[int, int, int]
    rig_port: int

    @property
    def hub_config(self) -> Path:
        """The hub's configuration file."""
        return self.root / "hub.toml"

    @property
    def hub_data(self) -> Path:
        """The hub's data folder."""
        return self.root / "hub"

    @property
    def console(self) -> Path:
        """The hub's Unix socket for the operator of this machine."""
        return self.hub_data / "run" / "console.sock"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def rig_ready(self) -> Path:
        """The file by which the virtual cameras say where they answer."""
        return self.root / "rig.json"

    @property
    def rig_control(self) -> Path:
        """The Unix socket by which virtual cameras are stopped and started."""
        return self.root / "rig.sock"

    @property
    def rig_credentials(self) -> Path:
        """The user name and password of the virtual cameras."""
        return self.root / "camera-credentials.json"

    @property
    def node_url(self) -> str:
        """Where appliances reach the hub by HTTPS."""
        return f"https://{HOST}:{self.node_port}"

    @property
    def portal_url(self) -> str:
        """Where people open the portal."""
        return f"http://{HOST}:{self.portal_port}"

    def appliance_config(self, profile: str) -> Path:
        """Return the configuration file of the appliance of that profile."""
        return self.root / f"{profile}.toml"

    def appliance_data(self, profile: str) -> Path:
        """Return the data folder of the appliance of that profile."""
        return self.root / profile

    def stick(self, profile: str) -> Path:
        """Return the folder where that appliance looks for its enrolment bundle, as on a mounted stick."""
        return self.root / f"{profile}-stick"

    def first_password(self) -> str:
        """Return the hub's first password, which stands there until it is changed."""
        return (self.hub_data / "first-password").read_text(encoding="utf-8").strip()

    def panel_url(self, profile: str) -> str:
        """Return where that appliance's panel answers, or an empty text before it does."""
        path = self.appliance_data(profile) / "run" / "panel.json"
        return str(json.loads(path.read_text(encoding="utf-8"))["url"]) if path.exists() else ""

    def last_words(self, process: str) -> str:
        """Return the last lines that a process wrote, to stand under an error."""
        log = self.logs / f"{process}.log"
        if not log.exists():
            return f"there is no {log}"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"{log} ends:", *lines[-LAST_LINES:]])

    def write(self) -> None:
        """Make the folders and write every configuration file."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.hub_config.write_text(_hub_toml(self), encoding="utf-8")
        for profile in PROFILES:
            self.stick(profile).mkdir(exist_ok=True)
            text = _appliance_toml(self, profile)
            self.appliance_config(profile).write_text(text, encoding="utf-8")


def choose_portal_port(wanted: int | None, *, otherwise: int) -> int:
    """Return `wanted`, or without a wish 8080 if that is free; else, and for 0, `otherwise`.

    Raises DemoError if the wanted port is taken.
    """
    if wanted:
        if not is_free(wanted):
            msg = f"port {wanted} is in use; choose another with --port, or leave the choice to us"
            raise DemoError(msg)
        return wanted
    return PORTAL_PORT if wanted is None and is_free(PORTAL_PORT) else otherwise


def _hub_toml(site: Site) -> str:
    for_nodes, for_subscribers, for_hub = site.broker_ports
    return f"""\
data_folder = "{site.hub_data}"
name = "示范市视频平台"

[http]
host = "{HOST}"
port = {site.portal_port}

[nodes]
host = "{HOST}"
port = {site.node_port}

[broker]
host = "{HOST}"
port = {for_nodes}
subscriber_port = {for_subscribers}
hub_port = {for_hub}

[discovery]
interfaces = ["{HOST}"]
"""


def _appliance_toml(site: Site, profile: str) -> str:
    data = site.appliance_data(profile)
    return f"""\
profile = "{profile}"
data_folder = "{data}"
run_folder = "{data / "run"}"
bundle_folder = "{site.stick(profile)}"

[panel]
host = "{HOST}"
port = 0

[lan]
host = "{HOST}"
port = 0
discovery = false
"""
