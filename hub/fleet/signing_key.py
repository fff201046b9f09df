"""The file of the key by which this hub signs what it wants of its nodes: made once, replaced only on demand."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from federation.crypto import BadKey
from federation.desired import HubKey
from federation.private_files import read_secret, write_private
from hub.errors import ConfigInvalid


def read_key(path: Path) -> HubKey:
    """Return the key in `path`, made if there is none; raise ConfigInvalid if it is damaged. Blocks."""
    text = read_secret(path, make=lambda: HubKey.generate().to_text())
    try:
        return HubKey.from_text(text)
    except (ValidationError, BadKey) as error:
        raise ConfigInvalid(f"{path} is damaged; restore it, or remove it and enrol every node anew") from error


def renew_key(path: Path) -> tuple[HubKey, HubKey]:
    """Put a new key in the place of the one in `path`, signed by it; return the old one and the new one. Blocks."""
    present = read_key(path)
    following = present.renewed(datetime.now(UTC))
    write_private(path, following.to_text())
    return present, following
