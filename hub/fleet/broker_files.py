"""What the managed broker reads: its configuration, passwords and access rules, as text."""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from federation import topics
from federation.private_files import write_private
from hub.fleet.authority import HUB_CLIENT, HubAuthority

SUBSCRIBER_PREFIX = "feed-"  # no node's id begins so: in the broker both are names of clients
ITERATIONS = 101  # what mosquitto itself uses; the passwords are random, so that stretching adds nothing
SALT_BYTES = 12


@dataclass(frozen=True, kw_only=True)
class SubscriberAccount:
    """One bureau's account at the broker."""

    username: str
    bureau: str
    password_hash: str = field(repr=False)
    rabbitmq_hash: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """Whom the broker lets in besides the hub; the serial numbers that it refuses, and whose sessions have to end."""

    node_ids: Sequence[str] = ()
    subscribers: Sequence[SubscriberAccount] = ()
    revoked: Sequence[str] = ()
    shut_out: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class BrokerPorts:
    """Where the broker listens for nodes, for bureaus and for the hub."""

    nodes: int
    subscribers: int
    hub: int


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """What the operator decides about the broker."""

    host: str
    ports: BrokerPorts
    system_user: str
    max_message_bytes: int
    max_queued_messages: int


def subscriber_username(bureau: str) -> str:
    """Return the broker's user name of a bureau."""
    return f"{SUBSCRIBER_PREFIX}{bureau}"


def new_password() -> str:
    """Return a random password of 192 bits."""
    return secrets.token_urlsafe(24)


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return the entry of mosquitto's password file: PBKDF2 with HMAC-SHA512."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def render_settings(settings: BrokerSettings, folder: Path, *, server_file: Path) -> str:
    """Return mosquitto.conf for files in `folder`: three listeners by TLS, no anonymous client, no memory on disk.

    A client's id is its name on the listeners of others, so that nobody throws another out. The hub's own listener
    trusts its one certificate; there the hub may take the place of a session that has to end.
    """
    return f"""# Written by the hub; changes are lost.
per_listener_settings true
user {settings.system_user}
persistence false
set_tcp_nodelay true
max_packet_size {settings.max_message_bytes}
max_queued_messages {settings.max_queued_messages}
max_inflight_messages 100
max_keepalive 120
retain_available true
log_dest stdout
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
connection_messages false

# Nodes, by certificates of the hub's authority.
listener {settings.ports.nodes} {settings.host}
tls_version tlsv1.3
certfile {server_file}
keyfile {server_file}
cafile {folder / "ca"}
crlfile {folder / "revoked"}
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder / "acl-nodes"}

# Bureaus, by user name and password.
listener {settings.ports.subscribers} {settings.host}
tls_version tlsv1.2
certfile {server_file}
keyfile {server_file}
use_username_as_clientid true
allow_anonymous false
password_file {folder / "passwords"}
acl_file {folder / "acl-subscribers"}

# The hub, by its own certificate.
listener {settings.ports.hub} {settings.host}
tls_version tlsv1.3
certfile {server_file}
keyfile {server_file}
cafile {folder / "hub"}
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {folder / "acl-hub"}
"""


def render_passwords(accounts: Iterable[SubscriberAccount]) -> str:
    """Return the password file."""
    return "".join(f"{account.username}:{account.password_hash}\n" for account in accounts)


def render_node_rules(node_ids: Iterable[str]) -> str:
    """Return the access rules of nodes: each writes what is its own and reads what is meant for it."""
    return "\n".join(
        f"user {node_id}\n"
        f"topic write {topics.ROOT}/{node_id}/u/#\n"
        f"topic write {topics.ROOT}/{node_id}/s\n"
        f"topic read {topics.ROOT}/{node_id}/d/#\n"
        for node_id in node_ids
    )


def render_subscriber_rules(accounts: Iterable[SubscriberAccount]) -> str:
    """Return the access rules of bureaus: each reads its own feed."""
    return "\n".join(
        f"user {account.username}\ntopic read {topics.FEED_ROOT}/{account.bureau}/#\n" for account in accounts
    )


def render_hub_rules() -> str:
    """Return the access rules of the hub."""
    return f"user {HUB_CLIENT}\ntopic readwrite {topics.ROOT}/#\ntopic readwrite {topics.FEED_ROOT}/#\n"


def write_admission(folder: Path, authority: HubAuthority, admitted: Admitted) -> None:
    """Write every file by which the broker tells who may do what. Blocks."""
    now = datetime.now(UTC)
    revoked = authority.revocation_list(admitted.revoked, number=int(now.timestamp()), now=now)
    for name, text in (
        ("ca", authority.ca),
        ("hub", authority.hub_certificate),
        ("revoked", revoked),
        ("acl-nodes", render_node_rules(admitted.node_ids)),
        ("acl-subscribers", render_subscriber_rules(admitted.subscribers)),
        ("acl-hub", render_hub_rules()),
        ("passwords", render_passwords(admitted.subscribers)),
    ):
        write_private(folder / name, text)
