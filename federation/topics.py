"""The MQTT topic tree. A node writes only below its own `fs/1/{node}/u` and `fs/1/{node}/s`."""

from federation.messages.custody import Lane
from federation.messages.desired import Shard

ROOT = "fs/1"
FEED_ROOT = "feed/1"
NOBODY = f"{FEED_ROOT}/-/nobody"  # no bureau has this name: what is said there is only acknowledged


def presence(node_id: str) -> str:
    """Retained presence and last will of a node."""
    return f"{ROOT}/{node_id}/s"


def hello(node_id: str) -> str:
    """Start of a custody session, node to hub."""
    return f"{ROOT}/{node_id}/u/hello"


def batch(node_id: str, lane: Lane) -> str:
    """Rows of one lane, node to hub."""
    return f"{ROOT}/{node_id}/u/b/{lane}"


def reported(node_id: str) -> str:
    """Retained reported state, node to hub."""
    return f"{ROOT}/{node_id}/u/r"


def metrics(node_id: str) -> str:
    """How busy a node is, node to hub; at most once, never retained."""
    return f"{ROOT}/{node_id}/u/metrics"


def ack(node_id: str) -> str:
    """Acknowledgements of all lanes, hub to node."""
    return f"{ROOT}/{node_id}/d/ack"


def desired(node_id: str, shard: Shard) -> str:
    """Retained signed document of one shard, hub to node."""
    return f"{ROOT}/{node_id}/d/t/{shard}"


def all_desired(node_id: str) -> str:
    """Every shard's document, hub to node: a pattern to subscribe to."""
    return f"{ROOT}/{node_id}/d/t/+"


def beat(node_id: str) -> str:
    """Signs of life, node to hub."""
    return f"{ROOT}/{node_id}/u/beat"


def beat_answer(node_id: str) -> str:
    """Answers to signs of life, hub to node."""
    return f"{ROOT}/{node_id}/d/beat"


def ask(node_id: str) -> str:
    """Questions about a neighbour, hub to node."""
    return f"{ROOT}/{node_id}/d/ask"


def witness_answer(node_id: str) -> str:
    """Answers to questions about a neighbour, node to hub."""
    return f"{ROOT}/{node_id}/u/answer"


def call(node_id: str) -> str:
    """Questions of the hub that the node answers over HTTPS, hub to node; never retained."""
    return f"{ROOT}/{node_id}/d/call"


def feed_events(bureau: str) -> str:
    """Judgement-ready events for one bureau, hub to subscriber."""
    return f"{FEED_ROOT}/{bureau}/events"


def node_of(topic: str) -> str:
    """Return the node of a topic below `ROOT`; raise ValueError for any other topic."""
    parts = topic.split("/")
    if len(parts) < 4 or "/".join(parts[:2]) != ROOT:
        msg = f"not a node topic: {topic}"
        raise ValueError(msg)
    return parts[2]
