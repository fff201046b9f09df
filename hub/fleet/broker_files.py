"""What the managed broker reads: its configuration, passwords and access rules, as text."""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from federation import topics
from hub.private_files import read_secret

HUB_USERNAME = "hub"
ITERATIONS = 101  # what mosquitto itself uses; the passwords are random, so that stretching adds nothing
SALT_BYTES = 12


@dataclass(frozen=True, kw_only=True)
class BrokerAccount:
    """One account of the broker. `kind` is `hub`, `node` or `subscriber`; `scope` its node or bureau."""

    username: str
    kind: str
    scope: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """What the operator decides about the broker."""

    host: str
    port: int
    system_user: str
    max_message_bytes: int
    max_queued_messages: int


def node_username(node_id: str) -> str:
    """Return the broker's user name of a node."""
    return f"node-{node_id}"


def subscriber_username(bureau: str) -> str:
    """Return the broker's user name of a bureau."""
    return f"feed-{bureau}"


def new_password() -> str:
    """Return a random password of 192 bits."""
    return secrets.token_urlsafe(24)


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return the entry of mosquitto's password file: PBKDF2 with HMAC-SHA512."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def hub_password(folder: Path) -> str:
    """Return the hub's own password at the broker, which is made on first use."""
    return read_secret(folder / "hub-password", make=new_password)


def hub_account(folder: Path) -> BrokerAccount:
    """Return the hub's own account."""
    hashed = hash_password(hub_password(folder))
    return BrokerAccount(username=HUB_USERNAME, kind="hub", scope="", password_hash=hashed)


def render_settings(settings: BrokerSettings, folder: Path) -> str:
    """Return mosquitto.conf for files in `folder`: one private listener, no anonymous client, no memory on disk."""
    return f"""# Written by the hub; changes are lost.
user {settings.system_user}
listener {settings.port} {settings.host}
allow_anonymous false
password_file {folder / "passwords"}
acl_file {folder / "acl"}
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
"""


def render_passwords(accounts: Iterable[BrokerAccount]) -> str:
    """Return the password file."""
    return "".join(f"{account.username}:{account.password_hash}\n" for account in accounts)


def render_acl(accounts: Iterable[BrokerAccount]) -> str:
    """Return the access rules: each account reaches its own topics only."""
    return "\n".join(_rules(account) for account in accounts)


def _rules(account: BrokerAccount) -> str:
    own = f"{topics.ROOT}/{account.scope}"
    rules = {
        "hub": (f"topic readwrite {topics.ROOT}/#", f"topic readwrite {topics.FEED_ROOT}/#"),
        "node": (f"topic write {own}/u/#", f"topic write {own}/s", f"topic read {own}/d/#"),
        "subscriber": (f"topic read {topics.FEED_ROOT}/{account.scope}/#",),
    }[account.kind]
    return "\n".join([f"user {account.username}", *rules, ""])
