"""The schema of a firmware profile, and the shipped ones."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent


class UnknownProfile(Exception):
    """There is no firmware profile of this name."""


class Text(BaseModel):
    """A text for people, in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Capacity(BaseModel):
    """How much of each capability a box offers; 0 means that it is not for this work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pull: float = Field(default=0, ge=0, description="streams of 4 Mbit/s pulled at once")
    analyse: float = Field(default=0, ge=0, description="streams analysed at key frames")
    snapshot: float = Field(default=0, ge=0, description="pictures a minute")
    record: float = Field(default=0, ge=0, description="streams of 4 Mbit/s recorded at once")
    store: float = Field(default=0, ge=0, description="terabytes for pictures and recordings")


class Profile(BaseModel):
    """What the box is. One YAML file of this shape stands for each server type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    name: Text
    description: Text
    capacity: Capacity
    cpu_cores_min: int = Field(ge=1, description="cores the box needs at least")
    memory_gb_min: float = Field(gt=0, description="memory the box needs at least, in GB")


@cache
def load_all() -> dict[str, Profile]:
    """Return every shipped profile by its id."""
    profiles = [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return {profile.id: profile for profile in profiles}


def load_profile(profile_id: str) -> Profile:
    """Return one shipped profile; raise UnknownProfile with the names there are."""
    profiles = load_all()
    if profile_id not in profiles:
        names = ", ".join(profiles)
        msg = f"unknown firmware profile {profile_id!r}; there are {names}"
        raise UnknownProfile(msg)
    return profiles[profile_id]


def _read(path: Path) -> Profile:
    return Profile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
