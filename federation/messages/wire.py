"""The base of every message on the wire."""

from typing import Self

from pydantic import BaseModel, ConfigDict


class WireModel(BaseModel):
    """A frozen message whose unknown fields are kept, so that an old peer survives a new one."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def to_bytes(self) -> bytes:
        """Return the message as UTF-8 JSON."""
        return self.model_dump_json().encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """Read a message; raise ValueError (pydantic's ValidationError is one) for what is none."""
        return cls.model_validate_json(payload)
