"""Manifests to start from: of a model, and of an algorithm that an outside system offers."""

import re
from typing import Any

from appliance.packaging.coco import VEHICLES
from appliance.packaging.endpoints import Offer
from appliance.packaging.proposal import Proposal
from federation.packages import Manifest
from federation.packages.endpoints import Endpoint
from federation.packages.samples import Sample

MODEL, HALF_MODEL = "models/model.onnx", "models/half.onnx"
MOST_EVENTS = 100
_HALF = [{"platform": "cuda", "backend": "onnxruntime", "file": HALF_MODEL}]
_VENDOR = {"id": "local", "name": {"zh": "本地导入", "en": "Imported here"}}
_ANALYSES = {"class": "classification", "multilabel": "multilabel", "semantic": "segmentation"}
_RULE = {"kind": "presence", "defaults": {"min_conf": 0.4, "dedupe_s": 15.0}}
_UNKNOWN = {"software": "NOASSERTION", "weights": "NOASSERTION"}


def of_model(name: str, proposal: Proposal, samples: tuple[Sample, ...] = (), *, half: bool = False) -> Manifest:
    """Return the manifest of a model that is used as `proposal` says; people and vehicles are its events if it can.

    With `half` there is a second file for graphics cards.
    """
    platforms = [{"backend": "onnxruntime", "file": MODEL}]
    return Manifest.model_validate(
        {
            "apiVersion": "algpkg/1",
            "kind": "algorithm",
            "id": name,
            "version": "1.0.0",
            "name": {"zh": f"目标检测（{name}）", "en": f"Detection ({name})"},
            "description": {
                "zh": "由 ONNX 模型生成的目标检测算法包",
                "en": "Object detection, packaged from an ONNX model",
            },
            "vendor": _VENDOR,
            "classification": {"analysis": _ANALYSES.get(proposal.output.decoder, "detection")},
            "runtime": {"platforms": [*_HALF, *platforms] if half else platforms},
            "input": proposal.input.model_dump(),
            "output": proposal.output.model_dump(),
            "labels": proposal.labels,
            "rule": _RULE,
            "events": _events(name, proposal.labels),
            "samples": [sample.model_dump() for sample in samples],
            "licence": _UNKNOWN,
        }
    )


def of_offer(name: str, endpoint: Endpoint, offer: Offer) -> Manifest:
    """Return the manifest of an algorithm that an outside system offers and that is asked as `endpoint` says."""
    labels = dict.fromkeys(label for event in offer.events for label in event.labels)
    events = [
        {"code": f"{name}/{event.code}", "name": event.name.model_dump(), "when": {"labels": event.labels}}
        for event in offer.events
    ]
    return Manifest.model_validate(
        {
            "apiVersion": "algpkg/1",
            "kind": "endpoint",
            "id": name,
            "version": offer.version,
            "name": offer.name.model_dump(),
            "description": {
                "zh": f"外部算法系统 {endpoint.url} 提供的算法",
                "en": f"Offered by the outside system at {endpoint.url}",
            },
            "vendor": _VENDOR,
            "origin": "external",
            "endpoint": endpoint.model_dump(mode="json", exclude_defaults=True),
            "labels": list(labels),
            "rule": _RULE,
            "events": events,
            "licence": {"software": "NOASSERTION"},
        }
    )


def slug(text: str) -> str:
    """Return what of `text` may stand in an id."""
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-")[:48] or "detector"


def _events(name: str, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    known = set(labels)
    events = [_event(name, "person", "人员", "Person", ["person"])] if "person" in known else []
    vehicles = [label for label in VEHICLES if label in known]
    if vehicles:
        events.append(_event(name, "vehicle", "车辆", "Vehicle", vehicles))
    told = list(dict.fromkeys(labels))[:MOST_EVENTS]
    return events or [_event(name, code, label, label, [label]) for code, label in zip(_codes(told), told, strict=True)]


def _codes(labels: list[str]) -> list[str]:
    """Return a code for each label: its letters, or its place if it has none; where two are alike, all their places."""
    places = [f"label_{place}" for place, _ in enumerate(labels, start=1)]
    slugs = [slug(label) if label.isascii() else place for label, place in zip(labels, places, strict=True)]
    return slugs if len(set(slugs)) == len(slugs) else places


def _event(name: str, code: str, zh: str, en: str, labels: list[str]) -> dict[str, Any]:
    return {"code": f"{name}/{code}", "name": {"zh": zh, "en": en}, "when": {"labels": labels}}
