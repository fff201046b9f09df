"""The base of every part of a manifest, and texts for people."""

from pydantic import BaseModel, ConfigDict, Field


class ManifestPart(BaseModel):
    """A frozen part of a manifest; a field that this version does not know is an error, and so is NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Text(ManifestPart):
    """A text for people, in both languages."""

    zh: str = Field(min_length=1, max_length=2000)
    en: str = Field(min_length=1, max_length=2000)
