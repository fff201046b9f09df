"""The enrolment bundle: one small file by which a node finds its hub, knows it, and is let in once."""

import json
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from federation.identity.errors import BundleUnusable
from federation.messages.enrolment import LARGEST_PEM

FORMAT = "fengsui-bundle/1"
SUFFIX = ".fengsui-bundle"
LARGEST_BYTES = 65_536
HUB_URL_PATTERN = r"^https://[^\s/@?#]+$"


class Bundle(BaseModel):
    """What the file holds; fields that a later release adds are ignored. The token makes it a secret."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: str = Field(pattern=f"^{FORMAT}$")
    hub_url: str = Field(pattern=HUB_URL_PATTERN, max_length=200, description="where nodes reach the hub by HTTPS")
    hub_name: str = Field(max_length=64)
    ca: str = Field(max_length=LARGEST_PEM, description="PEM of the hub's authority, which the node trusts from now on")
    token: str = Field(min_length=16, max_length=128, repr=False)
    name: str = Field(max_length=64, description="the node's name to be")
    site: str = Field(default="", max_length=64, description="place where the node will stand; empty: none")
    profile: str = Field(max_length=64)
    issued_at: AwareDatetime
    expires_at: AwareDatetime

    def to_text(self) -> str:
        """Return the file's content."""
        return self.model_dump_json(indent=1) + "\n"


def read_bundle(text: str | bytes) -> Bundle:
    """Return the bundle; raise BundleUnusable with one sentence."""
    if len(text) > LARGEST_BYTES:
        raise BundleUnusable(f"an enrolment bundle has at most {LARGEST_BYTES} bytes; take the hub's file as it is")
    try:
        return Bundle.model_validate(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise BundleUnusable(f"this is no enrolment bundle of a Fengsui hub: {_reason(error)}") from error


def find_bundles(folder: Path, *, profile: str) -> list[Bundle]:
    """Return the bundles for nodes of `profile` in `folder`, such as a mounted stick, the newest first. Blocks."""
    try:
        found = [_bundle_in(path) for path in folder.glob(f"*{SUFFIX}")]
    except OSError:
        return []  # the stick is being pulled out
    fitting = [bundle for bundle in found if bundle is not None and bundle.profile == profile]
    return sorted(fitting, key=lambda bundle: bundle.issued_at, reverse=True)


def _bundle_in(path: Path) -> Bundle | None:
    try:
        return read_bundle(path.read_bytes()) if path.stat().st_size <= LARGEST_BYTES else None
    except (OSError, BundleUnusable):
        return None  # it is being written, or is none of ours


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return "it is not JSON"
