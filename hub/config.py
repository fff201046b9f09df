"""The hub's configuration: one TOML file, one model; the only place that reads the environment."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from federation.messages import BrokerEndpoint
from hub.errors import ConfigInvalid

SOCKET_PATH_BYTES = 100  # the kernel takes 107, and a suffix is added while the socket is made
PublicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
"""A DNS name, or an address of IPv4 or IPv6."""
BrokerAddress = Annotated[str, AfterValidator(lambda text: str(BrokerEndpoint.parse(text)))]
"""`host:port`, with IPv6 in brackets."""

MOST_BROKERS = 16
DATABASE_URL_VARIABLE = "FENGSUI_DATABASE_URL"


class Settings(BaseModel):
    """A group of settings; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Http(Settings):
    """Where portal and API answer."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="0 takes a free port, told in run_folder/hub.json")
    secure_cookies: bool = Field(default=False, description="true behind HTTPS: browsers send the session there only")
    certificate_file: Path | None = Field(
        default=None, description="PEM with the portal's certificate chain: it is then served by HTTPS"
    )
    key_file: Path | None = Field(default=None, description="PEM with the key of certificate_file")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            msg = "certificate_file and key_file go together"
            raise ValueError(msg)
        return self


class Broker(Settings):
    """The MQTT broker that nodes and subscribers connect to, always by TLS."""

    managed: bool = Field(
        default=True, description="the hub configures a Mosquitto of its own; false: the broker is somebody else's"
    )
    addresses: tuple[BrokerAddress, ...] = Field(
        default=(),
        max_length=MOST_BROKERS,
        description="host:port of somebody else's broker; of a cluster, every node's",
    )
    public_addresses: tuple[BrokerAddress, ...] = Field(
        default=(), max_length=MOST_BROKERS, description="the same as nodes and bureaus reach them; empty: addresses"
    )
    host: str = Field(default="127.0.0.1", description="address that the broker listens on and the hub connects to")
    port: int = Field(default=0, ge=0, le=65535, description="of nodes; 0 takes a free port once and remembers it")
    subscriber_port: int = Field(default=0, ge=0, le=65535, description="of bureaus; 0 as above")
    hub_port: int = Field(default=0, ge=0, le=65535, description="of the hub alone; 0 as above")
    public_host: PublicName | Literal[""] = Field(
        default="", description="name that nodes are told; empty: public_host of the hub"
    )
    max_message_bytes: int = Field(default=1 << 20, ge=65536, le=64 << 20, description="largest MQTT message")
    max_queued_messages: int = Field(default=2000, ge=10, description="messages waiting for one slow client")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.managed and (self.addresses or self.public_addresses):
            msg = "addresses are those of somebody else's broker, and need managed = false"
            raise ValueError(msg)
        if not self.managed and not self.addresses:
            msg = "managed = false needs addresses: where the broker is"
            raise ValueError(msg)
        return self


class Sessions(Settings):
    """How long a person stays signed in, and how wrong passwords are answered."""

    idle_timeout_s: int = Field(default=30 * 60, ge=60, description="signed out after so long without a request, in s")
    longest_s: int = Field(default=12 * 3600, ge=60, description="signed out after so long in any case, in s")
    failures: int = Field(default=5, ge=1, description="wrong passwords in a row that lock an account")
    lockout_s: int = Field(default=5 * 60, ge=1, description="how long an account is locked, in s")


class Nodes(Settings):
    """Where nodes reach the hub by HTTPS: to join, for certificates, pictures and packages."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=0, ge=0, le=65535, description="0 takes a free port once and remembers it")
    certificate_days: float = Field(default=90.0, gt=0, le=3650, description="how long a node's certificate counts")


class Discovery(Settings):
    """Whether the hub watches its local network for boxes that wait for a hub."""

    enabled: bool = Field(default=True, description="listen to multicast DNS")
    interfaces: tuple[str, ...] = Field(default=(), description="where, by name or address; none: everywhere")


class Fleet(Settings):
    """How nodes join and are watched."""

    silence_s: float = Field(default=35.0, gt=0, description="a node that says nothing for so long is suspect, in s")
    examine_every_s: float = Field(
        default=30.0, gt=0, description="how often neighbours are asked after a node that is not online, in s"
    )
    enrolments_per_minute: float = Field(default=30.0, gt=0, description="tries of one network address")


class Exchange(Settings):
    """Nodes beyond borders that let files pass and no sessions: 网闸文件交换."""

    in_folder: Path | None = Field(
        default=None, description="into which borders put files, here or in folders right below; absent: no exchange"
    )
    out_folder: Path | None = Field(
        default=None, description="from which borders take files, each node's in a folder of its own; absent: one way"
    )
    look_every_s: float = Field(default=2.0, ge=0.05, le=3600, description="how often the in-folder is looked at")
    settle_s: float = Field(
        default=60.0, ge=0.1, le=86400, description="a file that is no valid parcel is refused after so long unchanged"
    )
    answer_s: float = Field(default=10.0, ge=0.05, le=86400, description="a node's parcels are answered after so long")
    state_s: float = Field(default=300.0, ge=1, le=86400, description="a node is told how things stand so often")
    silence_s: float = Field(
        default=1800.0, ge=1, le=30 * 86400, description="a node without parcels for so long is offline"
    )
    folder_bytes: int = Field(default=1 << 30, ge=1 << 20, description="what a node's out-folder holds at most")
    keep_s: float = Field(default=7 * 86400, ge=60, description="files that no border took are removed after so long")


class Captures(Settings):
    """How long the hub keeps what was taken by snapshot plans."""

    keep_days: int = Field(default=7, ge=1, le=3650, description="days that pictures and failures are kept")
    most: int = Field(default=1_000_000, ge=100, description="how many of them are kept at most; the oldest give way")


class HubConfig(Settings):
    """Everything that can be set of a hub."""

    name: str = Field(default="烽燧", min_length=1, max_length=64, description="name shown in portal and to nodes")
    public_host: PublicName = Field(default="127.0.0.1", description="name or address under which nodes reach this hub")
    public_names: tuple[PublicName, ...] = Field(
        default=(), description="further names and addresses under which nodes and subscribers reach this hub"
    )
    data_folder: Path = Field(description="everything that the hub keeps; relative to this file")
    run_folder: Path | None = Field(default=None, description="sockets; default: run in data_folder")
    database_url: str = Field(
        default="",
        description="postgresql+psycopg://…, better given by the environment variable FENGSUI_DATABASE_URL; "
        "empty: SQLite in data_folder",
        repr=False,
    )
    signers_folder: Path | None = Field(
        default=None, description="SM2 public keys (*.pem) of those whose algorithm packages are trusted; absent: none"
    )
    licence_authorities: tuple[str, ...] = Field(
        default=(),
        description="those in signers_folder (NAME of NAME.pem) whose licences count for algorithms of every vendor; "
        "those of others count for algorithms whose packages they signed",
    )
    offer_shipped: bool = Field(
        default=True, description="put the packages that ship with the product on the shelf once, at the first start"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least that is logged")
    log_format: Literal["json", "text"] = Field(default="json", description="one JSON object per line, or text")
    http: Http = Field(default=Http(), description="portal and API")
    nodes: Nodes = Field(default=Nodes(), description="HTTPS for nodes")
    broker: Broker = Field(default=Broker(), description="MQTT broker")
    sessions: Sessions = Field(default=Sessions(), description="sign-in")
    fleet: Fleet = Field(default=Fleet(), description="nodes")
    discovery: Discovery = Field(default=Discovery(), description="boxes on the local network")
    captures: Captures = Field(default=Captures(), description="what snapshot plans took")
    exchange: Exchange = Field(default=Exchange(), description="nodes beyond borders that let only files pass")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{self.data_folder / 'hub.sqlite'}"

    @property
    def sockets(self) -> Path:
        """The folder of sockets and of what is true only while the hub runs."""
        return self.run_folder or self.data_folder / "run"

    @property
    def console_socket(self) -> Path:
        """The Unix socket on which the operator of this machine commands the hub."""
        return self.sockets / "console.sock"

    @property
    def broker_folder(self) -> Path:
        """The broker's configuration, accounts and remembered port."""
        return self.data_folder / "broker"

    @property
    def authority_folder(self) -> Path:
        """The certificate authority and the certificates of the hub's own servers; to be backed up."""
        return self.data_folder / "authority"

    @property
    def server_names(self) -> tuple[str, ...]:
        """Every name and address for which the servers' certificate stands."""
        return (self.public_host, self.mqtt_host, "localhost", "127.0.0.1", "::1", *self.public_names)

    @property
    def signing_key_file(self) -> Path:
        """The key by which the hub signs what it wants of its nodes; to be backed up."""
        return self.data_folder / "signing-key.json"

    @property
    def mqtt_host(self) -> str:
        """The name under which nodes and subscribers reach the broker."""
        return self.broker.public_host or self.public_host


def read_config(path: Path) -> HubConfig:
    """Return the configuration in the TOML file `path`; raise ConfigInvalid with one sentence."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigInvalid(f"cannot read {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path} is not valid TOML: {error}") from error
    return make_config(values, folder=path.parent, source=str(path))


def make_config(values: dict[str, Any], *, folder: Path, source: str = "configuration") -> HubConfig:
    """Return the configuration with relative folders taken from `folder`; raise ConfigInvalid."""
    url = os.environ.get(DATABASE_URL_VARIABLE)
    if url:
        values = {**values, "database_url": url}
    try:
        config = HubConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigInvalid(f"{source}: {where}: {first['msg']}") from error
    config = config.model_copy(
        update={
            "data_folder": (folder / config.data_folder).resolve(),
            "run_folder": _under(folder, config.run_folder),
            "signers_folder": _under(folder, config.signers_folder),
            "http": config.http.model_copy(
                update={
                    "certificate_file": _under(folder, config.http.certificate_file),
                    "key_file": _under(folder, config.http.key_file),
                }
            ),
            "exchange": config.exchange.model_copy(
                update={
                    "in_folder": _under(folder, config.exchange.in_folder),
                    "out_folder": _under(folder, config.exchange.out_folder),
                }
            ),
        }
    )
    if len(os.fsencode(config.console_socket)) > SOCKET_PATH_BYTES:
        raise ConfigInvalid(f"{source}: run_folder: {config.sockets} is too long for sockets; set a shorter run_folder")
    return config


def _under(folder: Path, path: Path | None) -> Path | None:
    return None if path is None else (folder / path).resolve()
