"""The manifest of a bare model's package: what was recognised, with what people say of it laid over. Pure."""

from datetime import date

from federation.packages import Manifest
from federation.packages.manifest import ModelInput
from federation.packages.packing import Packing
from hub.repository.model import PackageDraft, ProposedEvent, ProposedPackage


def proposed(manifest: Manifest, packing: Packing) -> ProposedPackage:
    """Return what was recognised, as it is shown before the package is made."""
    entry, output = manifest.input, manifest.output
    width_px, height_px = entry.size if isinstance(entry, ModelInput) else (0, 0)
    return ProposedPackage(
        decoder="" if output is None else output.decoder,
        kind=manifest.classification.analysis,
        width_px=width_px,
        height_px=height_px,
        labels=manifest.labels,
        events=tuple(
            ProposedEvent(code=_own(event.code), name_zh=event.name.zh, name_en=event.name.en)
            for event in manifest.events
        ),
        samples=len(manifest.samples),
        support=packing.support,
    )


def finished(manifest: Manifest, draft: PackageDraft, today: date) -> Manifest:
    """Return the manifest with its names; codes of events begin with the id. Raises ValueError where it is none."""
    said = {item.code: item for item in draft.events}
    events = []
    for event in manifest.events:
        name = said.get(_own(event.code))
        shown = event.name.model_dump() if name is None else name.model_dump(include={"zh", "en"})
        events.append(event.model_dump(mode="json") | {"code": f"{draft.id}/{_own(event.code)}", "name": shown})
    notes = [] if draft.note is None else [{"version": draft.version, "on": today, "text": draft.note.model_dump()}]
    whole = manifest.model_dump(exclude_defaults=True) | {
        "id": draft.id,
        "version": draft.version,
        "name": draft.name.model_dump(),
        "description": draft.description.model_dump(),
        "vendor": manifest.vendor.model_dump() | {"name": draft.vendor.model_dump()},
        "notes": notes,
        "events": events,
    }
    return Manifest.model_validate(whole)


def _own(code: str) -> str:
    """Return the part of a code that an id is put before."""
    return code.rpartition("/")[2]
