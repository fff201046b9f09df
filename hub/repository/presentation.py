"""How an algorithm is shown here: as its package says, with what operators say laid over it."""

from federation.packages import Manifest
from hub.repository.model import Editable, Edits, Presentation

FIELDS: tuple[Editable, ...] = ("name", "description", "vendor", "targets", "industries", "business", "places")
_WORDS = ("targets", "industries", "business", "places")


def presented(manifest: Manifest, edits: Edits) -> Manifest:
    """Return a manifest for people to read; packages keep the one that was signed."""
    words = {name: value for name in _WORDS if (value := getattr(edits, name)) is not None}
    return manifest.model_copy(
        update={
            "name": edits.name or manifest.name,
            "description": edits.description or manifest.description,
            "vendor": manifest.vendor.model_copy(update={"name": edits.vendor or manifest.vendor.name}),
            "classification": manifest.classification.model_copy(update=words),
        }
    )


def edited(edits: Edits, *, has_cover: bool) -> tuple[Editable, ...]:
    """Return what is said here in place of the package."""
    said = tuple(name for name in FIELDS if getattr(edits, name) is not None)
    return (*said, "cover") if has_cover else said


def edits_of(wanted: Presentation, manifest: Manifest) -> Edits:
    """Return what differs from the package: all else follows it, also when a newer version says it differently."""
    there = {
        "name": manifest.name.model_dump(),
        "description": manifest.description.model_dump(),
        "vendor": manifest.vendor.name.model_dump(),
        **{name: getattr(manifest.classification, name) for name in _WORDS},
    }
    said = wanted.model_dump()
    return Edits.model_validate({name: said[name] for name in FIELDS if said[name] != there[name]})
