"""Tables of nodes, their certificates, enrolment, desired state and the broker's accounts."""

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table, Text

from hub.database import metadata

hub_identity = Table(
    "hub_identity",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("hub_id", String(36), nullable=False),
    Column("epoch", BigInteger, nullable=False),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("serial", String(64), nullable=False, unique=True),
    Column("software", String(64), nullable=False),
    Column("panel_url", String(200), nullable=False),
    Column("enrolled_at_us", BigInteger, nullable=False),
    Column("last_seen_at_us", BigInteger),
    Column("condition", String(16), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("condition_since_us", BigInteger, nullable=False),
    Column("witnesses", JSON, nullable=False),
    Column("declared_by", String(64), nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("key_fingerprint", String(64), nullable=False, unique=True),
    Column("revoked_at_us", BigInteger),
    Column("presence", Text),  # as it was said at the newest connection
    Column("reported", Text),
)

desired_documents = Table(
    "desired_documents",
    metadata,
    Column("node_id", String(64), primary_key=True),  # outlives the node: versions of an id only grow
    Column("shard", String(16), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("issued_at_us", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("used", JSON, nullable=False),
)

node_certificates = Table(
    "node_certificates",
    metadata,
    Column("serial", String(40), primary_key=True),
    Column("node_id", String(64), nullable=False, index=True),  # outlives the node: what is revoked stays so
    Column("issued_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("revoked_at_us", BigInteger),
)

enrolment_bundles = Table(
    "enrolment_bundles",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("site", String(64), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("used_by", String(64)),
)

link_policies = Table(
    "link_policies",
    metadata,
    Column("site", String(64), primary_key=True),  # "" is the policy for all that have none of their own
    Column("policy", Text, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
)

broker_accounts = Table(
    "broker_accounts",
    metadata,
    Column("username", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("password_hash", String(200), nullable=False),  # as Mosquitto reads it
    Column("rabbitmq_hash", String(200), nullable=False, server_default=""),  # as RabbitMQ reads it
)
