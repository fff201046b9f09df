"""What a RabbitMQ of somebody else has to be told: settings, users and permissions, as text.

In RabbitMQ a topic is a routing key of the exchange `amq.topic`: `/` becomes `.`, and `.` becomes `/`. A session's
queue bears its client's id. Permissions are regular expressions over both.
"""

import base64
import hashlib
import json
import re
import secrets
from pathlib import PurePath
from typing import Any

from federation import topics
from hub.fleet.authority import HUB_CLIENT
from hub.fleet.broker_files import Admitted

VHOST, EXCHANGE = "/", "amq.topic"
HASHING = "rabbit_password_hashing_sha512"
SALT_BYTES = 4  # what RabbitMQ expects; the passwords are random, so that stretching adds nothing
NOTHING = "^$"


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return a password as RabbitMQ's definitions hold it: salted SHA-512."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    return base64.b64encode(salt + hashlib.sha512(salt + password.encode()).digest()).decode()


def render_definitions(admitted: Admitted) -> str:
    """Return the definitions (JSON) of everybody who is admitted; nodes and hub have no password, but certificates."""
    definitions: dict[str, list[dict[str, Any]]] = {
        "vhosts": [{"name": VHOST}],
        "users": [],
        "permissions": [],
        "topic_permissions": [],
    }
    everything = rf"^({_key(topics.ROOT)}|{_key(topics.FEED_ROOT)})\..+$"
    # The hub takes the place of a node for a moment in order to end its session.
    _add(definitions, HUB_CLIENT, client="hub-[0-9a-f]+", write=everything, read=everything)
    for node_id in admitted.node_ids:
        own = rf"^{_key(topics.ROOT)}\.{_key(node_id)}"
        _add(definitions, node_id, client=re.escape(node_id), write=rf"{own}\.(s|u\..+)$", read=rf"{own}\.d\..+$")
    for account in admitted.subscribers:
        feed = rf"^{_key(topics.FEED_ROOT)}\.{_key(account.bureau)}\..+$"
        client = re.escape(account.username)
        _add(definitions, account.username, client=client, write=NOTHING, read=feed, password=account.rabbitmq_hash)
    return json.dumps(definitions, indent=1) + "\n"


def render_settings(folder: PurePath) -> str:
    """Return the lines of rabbitmq.conf that MQTT needs, for files in `folder` of the broker's machines."""
    return f"""# Written by fengsui hub broker-access; belongs into rabbitmq.conf of every node of the cluster.
mqtt.listeners.tcp = none
mqtt.allow_anonymous = false
mqtt.vhost = {VHOST}
mqtt.exchange = {EXCHANGE}
mqtt.ssl_cert_login = true
ssl_cert_login_from = common_name
mqtt.durable_queue_type = quorum
ssl_options.cacertfile = {folder / "ca.pem"}
ssl_options.certfile = {folder / "server.pem"}
ssl_options.keyfile = {folder / "server.pem"}
ssl_options.verify = verify_peer
# Bureaus have passwords instead of certificates.
ssl_options.fail_if_no_peer_cert = false
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
load_definitions = {folder / "definitions.json"}
"""


def _add(
    definitions: dict[str, list[dict[str, Any]]], user: str, *, client: str, write: str, read: str, password: str = ""
) -> None:
    own = rf"mqtt-subscription-{client}qos[01]"
    scope = {"user": user, "vhost": VHOST}
    definitions["users"].append({"name": user, "password_hash": password, "hashing_algorithm": HASHING, "tags": ""})
    both = rf"^({re.escape(EXCHANGE)}|{own})$"
    definitions["permissions"].append({**scope, "configure": f"^{own}$", "write": both, "read": both})
    definitions["topic_permissions"].append({**scope, "exchange": EXCHANGE, "write": write, "read": read})


def _key(topic: str) -> str:
    """Return the expression of a routing key that stands for the topic, or for a part of one."""
    return re.escape(topic.translate({ord("/"): ".", ord("."): "/"}))
