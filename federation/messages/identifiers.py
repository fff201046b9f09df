"""Identifiers: UUIDv7 for things that happen, slugs for things that are named, digests for bytes."""

from typing import Annotated

from pydantic import StringConstraints
from uuid_utils import uuid7

SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$"
SITE_PATTERN = r"^(?:[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)?$"
DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
"""A short stable name: 1 to 64 of a-z, 0-9, dot, underscore and hyphen."""

Site = Annotated[str, StringConstraints(pattern=SITE_PATTERN)]
"""The place where a node stands, as a slug; empty: none. Nodes of one site share a local network."""

Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
"""Algorithm and hexadecimal digest of some bytes, for example `sha256:9f86d0…`."""

PresetToken = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""The name that a camera gave to a place which it remembers (预置位)."""


def new_id() -> str:
    """Return a new UUIDv7 in its canonical text form; later ones sort after earlier ones."""
    return str(uuid7())
