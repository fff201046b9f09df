"""Who this appliance is to its hub: a file of its own, because it holds secrets."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from federation.messages import Slug


class HubIdentity(BaseModel):
    """What an enrolment gave: the hub's address, and our name and secrets there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hub_url: str = Field(description="base of the hub's HTTP API, without a closing slash")
    node_id: Slug
    hub_name: str
    mqtt_host: str
    mqtt_port: int
    mqtt_username: str
    mqtt_password: str = Field(repr=False)
    node_token: str = Field(repr=False)


def load_identity(path: Path) -> HubIdentity | None:
    """Return the identity in `path`, or None before the first enrolment. Blocks."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return HubIdentity.model_validate_json(text)


def save_identity(path: Path, identity: HubIdentity) -> None:
    """Replace the identity in `path`, readable by its owner only. Blocks."""
    write_private(path, identity.model_dump_json(indent=1))


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, durably, with mode 0600. Blocks."""
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
