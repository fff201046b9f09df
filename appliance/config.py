"""The configuration of one appliance: a TOML file, read here and nowhere else."""

import ipaddress
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from appliance.errors import BadConfiguration
from federation.messages import SLUG_PATTERN
from firmware_profiles import load_profile
from firmware_profiles.profile import UnknownProfile

SOCKET_PATH_BYTES = 107  # struct sockaddr_un of Linux, less its closing NUL
LONGEST_SOCKET_NAME = "recorder.sock"
GIBIBYTE = 2**30
ALGORITHM_SYSTEM_PATTERN = r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PanelConfig(_Section):
    """Where the appliance's own web panel answers."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 for all")
    port: int = Field(
        default=8090, ge=0, le=65535, description="0 lets the system choose; see panel.json in the run folder"
    )
    https: bool = Field(default=False, description="a proxy before the panel speaks HTTPS: cookies are then Secure")


class RecordConfig(_Section):
    """How much of its own record the box keeps."""

    pictures_bytes: int = Field(default=20 * GIBIBYTE, ge=10 * 2**20, description="bytes of evidence pictures to keep")
    events: int = Field(default=500_000, ge=100, description="events to keep")
    unsent_events: int = Field(
        default=10_000_000, ge=100, description="events to keep at most while the hub has not got them, 2 kB each"
    )
    unsent_results: int = Field(
        default=1_000_000, ge=100, description="results, and notes of pictures, to keep while the hub has not got them"
    )
    replay_h: float = Field(
        default=72, ge=0, le=8760, description="hours that acknowledged rows stay for a hub restored from a backup"
    )
    replay_events: int = Field(default=1_500_000, ge=0, description="acknowledged events that stay for it at most")
    replay_results: int = Field(
        default=200_000, ge=0, description="acknowledged results, and notes of pictures, that stay for it at most"
    )
    free_bytes: int = Field(
        default=GIBIBYTE // 2, ge=0, description="room to leave on the disk: below it pictures give way, then events"
    )


class RecordingsConfig(_Section):
    """Where recordings lie, and how much of the disk is theirs; which cameras are recorded is set on panel and hub."""

    folder: Path | None = Field(default=None, description="folder of the recordings; absent: in the data folder")
    most_bytes: int = Field(default=0, ge=0, description="bytes of recordings to keep; 0 for as many as the disk takes")
    free_bytes: int = Field(
        default=4 * GIBIBYTE, ge=2**20, description="bytes of their disk that always stay free for everything else"
    )
    sync: Literal["fragment", "segment"] = Field(
        default="fragment",
        description="fragment: a power cut costs the pictures since the last key frame;"
        " segment: it may cost half a minute, for disks that are too slow for the other",
    )


class CaptureLink(_Section):
    """A network link behind which cameras are: it carries so many snapshots and no more."""

    name: str = Field(min_length=1, max_length=64, description="what the link is called, each another name")
    cameras: tuple[str, ...] = Field(
        min_length=1, max_length=256, description="networks such as 10.1.0.0/16, addresses or host names of cameras"
    )
    per_s: float = Field(gt=0, le=1000, description="snapshots that may begin in a second through it")

    @field_validator("cameras")
    @classmethod
    def _are_places(cls, cameras: tuple[str, ...]) -> tuple[str, ...]:
        for each in cameras:
            if "/" in each:
                ipaddress.ip_network(each)
        return cameras

    def leads_to(self, host: str) -> bool:
        """Tell whether a camera at this address or name is behind it."""
        return any(_is_within(host, place) for place in self.cameras)


def _is_within(host: str, place: str) -> bool:
    if "/" not in place:
        return host.lower() == place.lower()
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(place)
    except ValueError:
        return False


class CaptureConfig(_Section):
    """Snapshots: how fast they are taken, where they lie and how long they are kept."""

    at_once: int = Field(default=100, ge=1, le=1000, description="cameras from which a picture is awaited at one time")
    per_s: float = Field(default=50, gt=0, le=1000, description="snapshots that may begin in a second on this box")
    device_per_s: float = Field(
        default=2, gt=0, le=1000, description="the same for one camera or video recorder, by its network address"
    )
    links: tuple[CaptureLink, ...] = Field(
        default=(), max_length=64, description="the same for all cameras behind one network link"
    )
    deliver_to_this_box: bool = Field(
        default=False,
        description="whether pictures may be delivered to, or fetched from, services on this machine itself",
    )
    folder: Path | None = Field(default=None, description="folder of the pictures; absent: in the data folder")
    most_bytes: int = Field(default=50 * GIBIBYTE, ge=2**20, description="bytes of pictures to keep")
    keep_days: int = Field(default=30, ge=1, le=3650, description="days that pictures and failures are kept")
    free_bytes: int = Field(
        default=2 * GIBIBYTE, ge=2**20, description="bytes of their disk that always stay free for everything else"
    )


class OutsideSystemConfig(_Section):
    """An algorithm system of others that may be sent pictures: packages name it, and here alone stands where it is."""

    name: str = Field(pattern=ALGORITHM_SYSTEM_PATTERN, description="what packages call it")
    url: str = Field(
        pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,200})?$",
        description="where it is; it may be in the local network, or on this machine itself if it is named so",
    )
    secret_file: Path | None = Field(
        default=None, description="file with what it wants to see, for this system user alone; absent: nothing"
    )
    ca_file: Path | None = Field(default=None, description="who vouches for it; absent: as the system trusts")


class AnalysisConfig(_Section):
    """How much of the box models may use."""

    cores: int = Field(default=0, ge=0, le=1024, description="cores that models run on, without a card; 0 for all")
    memory_mb: int = Field(
        default=0, ge=0, description="MB of memory for all models together; 0 for half of what the box has"
    )
    systems: tuple[OutsideSystemConfig, ...] = Field(
        default=(), max_length=64, description="algorithm systems of others, each with another name"
    )

    @field_validator("systems")
    @classmethod
    def _are_named_apart(cls, systems: tuple[OutsideSystemConfig, ...]) -> tuple[OutsideSystemConfig, ...]:
        if len({each.name for each in systems}) != len(systems):
            msg = "two systems have one name"
            raise ValueError(msg)
        return systems


class ResultsQueueConfig(_Section):
    """A message queue, MQTT over TLS, that gets the results of the picture tasks that ask for it."""

    host: str | None = Field(default=None, min_length=1, description="the broker; absent: no queue")
    port: int = Field(default=8883, ge=1, le=65535, description="its port for TLS")
    topic: str = Field(
        default="fengsui/picture-results", pattern=r"^[^#+\x00]{1,200}$", description="topic of all results"
    )
    ca_file: Path | None = Field(default=None, description="who vouches for the broker; absent: as the system trusts")
    certificate_file: Path | None = Field(
        default=None, description="PEM with the box's key and certificate there; absent: none is shown"
    )
    username: str = Field(default="", max_length=200, description="name there; empty: none")
    password_file: Path | None = Field(default=None, description="file with the password, for this system user alone")
    most: int = Field(default=100_000, ge=1, description="results to keep while the broker does not take them")


class LanConfig(_Section):
    """The box's HTTPS port on the local network: a hub claims it here, and boxes of the same hub fetch files."""

    host: str = Field(default="0.0.0.0", min_length=1, description="address to listen on; 0.0.0.0 for all")  # noqa: S104
    port: int = Field(default=8091, ge=0, le=65535, description="0 lets the system choose; see lan.json")
    discovery: bool = Field(default=True, description="tell the local network of this box by multicast DNS")
    interfaces: tuple[str, ...] = Field(default=(), description="where to do so, by name or address; none: everywhere")


class ArtifactsConfig(_Section):
    """How packages and other large files come to the box."""

    at_once: int = Field(default=2, ge=1, le=8, description="how many come at one time")
    neighbours: bool = Field(default=True, description="ask boxes of the same hub and network first, and give to them")
    neighbours_kbps: int | None = Field(
        default=None, ge=64, description="kbit/s that all neighbours get together; absent: no limit"
    )


class LoggingConfig(_Section):
    """What is written to standard output."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )


class MetricsConfig(_Section):
    """Who may read /metrics of the panel."""

    token_file: Path | None = Field(
        default=None, description="file with the bearer token of the collector; absent: nobody"
    )


class ExchangeConfig(_Section):
    """File exchange with a hub beyond a border that lets files pass and no sessions: 网闸文件交换."""

    out_folder: Path | None = Field(
        default=None, description="from which the border takes files to the hub; absent: no exchange"
    )
    in_folder: Path | None = Field(
        default=None, description="into which the border puts files of the hub; absent: a one-way border"
    )
    every_s: float = Field(default=30.0, ge=0.05, le=86400, description="rows are exported so often")
    state_s: float = Field(default=300.0, ge=0.05, le=86400, description="the box's state is exported so often")
    look_every_s: float = Field(default=2.0, ge=0.05, le=3600, description="how often the in-folder is looked at")
    settle_s: float = Field(
        default=60.0, ge=0.1, le=86400, description="a file that is no valid parcel is refused after so long unchanged"
    )
    report_s: float = Field(
        default=86400.0, ge=0.05, le=30 * 86400, description="a reconciliation report goes to the hub so often"
    )
    copies: int = Field(default=3, ge=1, le=20, description="one-way: how often everything is exported")
    repeat_s: float = Field(
        default=3600.0, ge=1, le=30 * 86400, description="pause before what nobody confirmed is exported again"
    )
    parcel_bytes: int = Field(default=4 * 2**20, ge=65536, le=32 * 2**20, description="a parcel is cut at this size")
    folder_bytes: int = Field(default=GIBIBYTE, ge=2**20, description="what the out-folder holds at most")
    keep_s: float = Field(default=7 * 86400.0, ge=60, description="files that no border took are removed after so long")


class Config(_Section):
    """One appliance."""

    profile: str = Field(description="firmware profile: what kind of server this is")
    data_folder: Path = Field(description="what must survive: database, pictures, artifacts, secrets")
    run_folder: Path = Field(description="sockets and notes of the running processes; a short path")
    serial: str | None = Field(
        default=None, pattern=SLUG_PATTERN, description="serial number; one is made up when absent"
    )
    bundle_folder: Path | None = Field(
        default=None, description="a mounted stick, say: the box joins by an enrolment bundle that it finds there"
    )
    panel: PanelConfig = PanelConfig()
    record: RecordConfig = RecordConfig()
    recordings: RecordingsConfig = RecordingsConfig()
    capture: CaptureConfig = CaptureConfig()
    analysis: AnalysisConfig = AnalysisConfig()
    results_queue: ResultsQueueConfig = ResultsQueueConfig()
    lan: LanConfig = LanConfig()
    artifacts: ArtifactsConfig = ArtifactsConfig()
    exchange: ExchangeConfig = ExchangeConfig()
    logging: LoggingConfig = LoggingConfig()
    metrics: MetricsConfig = MetricsConfig()

    @property
    def database_file(self) -> Path:
        """The appliance's database."""
        return self.data_folder / "appliance.db"

    @property
    def lanes_file(self) -> Path:
        """How far the lanes of the outbox have got, for a database that takes the place of this one."""
        return self.data_folder / "lanes.json"

    @property
    def pictures_folder(self) -> Path:
        """Evidence pictures by their digest."""
        return self.data_folder / "pictures"

    @property
    def recordings_folder(self) -> Path:
        """Recordings by camera and day."""
        return self.recordings.folder or self.data_folder / "recordings"

    @property
    def recordings_index_file(self) -> Path:
        """The index of the recordings."""
        return self.data_folder / "recordings.db"

    @property
    def captures_folder(self) -> Path:
        """Snapshots by their digest."""
        return self.capture.folder or self.data_folder / "captures"

    @property
    def captures_file(self) -> Path:
        """The index of the snapshots, with the orders that wait."""
        return self.data_folder / "captures.db"

    @property
    def picture_tasks_folder(self) -> Path:
        """Pictures beside the picture tasks that look at them."""
        return self.data_folder / "picture-tasks"

    @property
    def footage_folder(self) -> Path:
        """Video files that `file:` addresses of cameras may name, and pictures and films for picture tasks."""
        return self.data_folder / "footage"

    @property
    def artifacts_folder(self) -> Path:
        """Algorithm packages and other large files by their digest."""
        return self.data_folder / "artifacts"

    @property
    def identity_file(self) -> Path:
        """What the hub gave this appliance at its enrolment: where it is, and our certificate."""
        return self.data_folder / "identity" / "hub.json"

    @property
    def key_file(self) -> Path:
        """The key of this appliance, which never leaves it."""
        return self.data_folder / "identity" / "key.pem"

    @property
    def pending_bundle_file(self) -> Path:
        """The enrolment bundle that is being tried."""
        return self.data_folder / "identity" / "pending.fengsui-bundle"

    @property
    def first_password_file(self) -> Path:
        """The panel's first password, until it is changed."""
        return self.data_folder / "first-password"

    @property
    def lan_note(self) -> Path:
        """Where the running agent says on which port it serves the local network."""
        return self.run_folder / "lan.json"

    @property
    def claim_note(self) -> Path:
        """What a hub has to be told to claim this box, for who sits at its console; only while it has no hub."""
        return self.run_folder / "claim.txt"

    @property
    def panel_note(self) -> Path:
        """Where the running panel says under which address it answers."""
        return self.run_folder / "panel.json"


def load(path: Path) -> Config:
    """Return the configuration in `path`, folders made absolute; raise BadConfiguration with one sentence."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfiguration(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path} is not TOML: {error}") from error
    try:
        config = Config.model_validate(found)
        load_profile(config.profile)
    except ValidationError as error:
        raise BadConfiguration(f"{path}: {_first_fault(error)}") from error
    except UnknownProfile as error:
        raise BadConfiguration(f"{path}: {error}") from error
    return _checked(_absolute(config, path.resolve().parent))


def example(*, profile: str, data_folder: Path, run_folder: Path, panel_port: int) -> str:
    """Return a commented configuration file with every setting at its default."""
    given = {
        "profile": profile,
        "data_folder": str(data_folder),
        "run_folder": str(run_folder),
    }
    lines = ["# Configuration of one Fengsui appliance. Relative paths count from this file's folder.", ""]
    sections: list[str] = []
    for name, field in Config.model_fields.items():
        if isinstance(field.default, _Section):
            chosen = {"port": panel_port} if name == "panel" else {}
            sections += ["", *_section(name, field.default, chosen)]
        else:
            lines += _setting(name, field.description, given.get(name))
    return "\n".join([*lines, *sections]) + "\n"


def read_token(config: Config) -> str | None:
    """Return the metrics collector's token, or None when there is none; raise BadConfiguration if unreadable."""
    path = config.metrics.token_file
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise BadConfiguration(f"cannot read metrics.token_file {path}: {error.strerror}") from error


def _section(name: str, section: _Section, chosen: Mapping[str, object]) -> list[str]:
    lines = [f"# {(type(section).__doc__ or '').strip()}", f"[{name}]"]
    for key, field in type(section).model_fields.items():
        lines += _setting(key, field.description, chosen.get(key, getattr(section, key)))
    return lines


def _setting(name: str, description: str | None, value: object) -> list[str]:
    comment = f"# {description}"
    # JSON's strings, numbers and booleans are TOML's.
    return [comment, f"# {name} =" if value is None else f"{name} = {json.dumps(value, ensure_ascii=False)}"]


def _absolute(config: Config, folder: Path) -> Config:
    metrics = config.metrics.model_copy(update={"token_file": _under(folder, config.metrics.token_file)})
    recordings = config.recordings.model_copy(update={"folder": _under(folder, config.recordings.folder)})
    capture = config.capture.model_copy(update={"folder": _under(folder, config.capture.folder)})
    queue = config.results_queue.model_copy(
        update={
            name: _under(folder, getattr(config.results_queue, name))
            for name in ("ca_file", "certificate_file", "password_file")
        }
    )
    exchange = config.exchange.model_copy(
        update={name: _under(folder, getattr(config.exchange, name)) for name in ("out_folder", "in_folder")}
    )
    return config.model_copy(
        update={
            "data_folder": folder / config.data_folder,
            "run_folder": folder / config.run_folder,
            "bundle_folder": _under(folder, config.bundle_folder),
            "metrics": metrics,
            "recordings": recordings,
            "capture": capture,
            "results_queue": queue,
            "exchange": exchange,
        }
    )


def _under(folder: Path, path: Path | None) -> Path | None:
    return None if path is None else folder / path


def _checked(config: Config) -> Config:
    longest = len(bytes(config.run_folder / LONGEST_SOCKET_NAME))
    if longest > SOCKET_PATH_BYTES:
        spare = longest - SOCKET_PATH_BYTES
        raise BadConfiguration(
            f"run_folder {config.run_folder} is {spare} bytes too long for a Unix socket; choose a shorter path"
        )
    return config


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else str(fault["msg"])
