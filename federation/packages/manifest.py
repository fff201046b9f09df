"""algorithm.yaml: what an algorithm package of format `algpkg/1` says of itself."""

import math
import re
from collections.abc import Collection
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, JsonValue, StringConstraints, ValidationError, model_validator

from federation.packages import parameters
from federation.packages.description import (
    AlgorithmId,
    Classification,
    Conditions,
    Evaluation,
    Licence,
    Note,
    Scenes,
    Training,
    Vendor,
    Version,
)
from federation.packages.endpoints import Endpoint
from federation.packages.errors import BadManifest
from federation.packages.kinds import OWN_PART, Container, Device, Member, PackageKind
from federation.packages.outputs import BoxesOutput, CtcOutput, EmbeddingOutput, LabelsOutput, ModelOutput
from federation.packages.parameters import Parameter
from federation.packages.prompts import Prompt
from federation.packages.rules import Rule
from federation.packages.runtime import HERE, Platform, Runtime, Sm3
from federation.packages.samples import PackagePath, Sample
from federation.packages.texts import ManifestPart, Text

FORMAT = "algpkg/1"
MANIFEST_LIMIT_BYTES = 1 << 20
NODE_LIMIT = 50_000
"""Of values in a manifest, names included: 10,000 labels with a text for each, and as much again."""

_NUMBER_LIMIT = 64
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What no text for people holds: databases refuse the first, and the last show a text in another order than it has."""

EventCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}(/[a-z0-9][a-z0-9._-]{0,62}){1,3}$")]


Mean = Annotated[float, Field(ge=-1e6, le=1e6)]
Spread = Annotated[float, Field(ge=1e-6, le=1e6)]


class ExtraInput(ManifestPart):
    """A second input, as exports of RT-DETR and D-FINE have it: the width and height of the input, in px."""

    tensor: str = Field(min_length=1, max_length=128)
    value: Literal["input_wh"] = "input_wh"
    dtype: Literal["int64", "float32"] = "int64"


class ModelInput(ManifestPart):
    """The pre-processing: how a picture becomes the model's input tensor."""

    tensor: str = Field(min_length=1, max_length=128)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    dtype: Literal["float32", "float16", "uint8"] = "float32"
    size: tuple[Annotated[int, Field(ge=16, le=4096)], Annotated[int, Field(ge=16, le=4096)]] = Field(
        description="width and height in px"
    )
    color: Literal["RGB", "BGR"] = "RGB"
    resize: Literal["letterbox", "stretch"] = "letterbox"
    pad: int = Field(default=114, ge=0, le=255, description="grey value beside a letterboxed picture")
    anchor: Literal["centre", "topleft"] = Field(default="centre", description="where a letterboxed picture lies")
    scale: float = Field(default=1 / 255, ge=1e-6, le=1e6, description="value * scale, then (value - mean) / std")
    mean: tuple[Mean, Mean, Mean] = (0.0, 0.0, 0.0)
    std: tuple[Spread, Spread, Spread] = (1, 1, 1)
    extra: tuple[ExtraInput, ...] = Field(default=(), max_length=4)


class Stage(ManifestPart):
    """A second model that looks at boxes of the first, cut out of the picture; what it sees is seen in these boxes."""

    file: PackagePath
    on: tuple[str, ...] = Field(min_length=1, max_length=100, description="labels of the first whose boxes it looks at")
    margin: float = Field(default=0.1, ge=0, le=2, description="share of a box's sides that is added around it")
    most: int = Field(default=16, ge=1, le=64, description="boxes of a picture that it looks at, strongest first")
    input: ModelInput
    output: Annotated[LabelsOutput, Field(discriminator="decoder")]
    labels: tuple[Annotated[str, StringConstraints(min_length=1, max_length=64)], ...] = Field(
        min_length=1, max_length=1000
    )


class When(ManifestPart):
    """Which detections make this event."""

    labels: tuple[str, ...] = Field(min_length=1, max_length=1000)


class EventKind(ManifestPart):
    """An event that the algorithm reports (算法检出项)."""

    code: EventCode = Field(description="event code (事件码), unique in the repository; a path below its parent's")
    name: Text
    when: When | None = Field(default=None, description="only for models with labels")

    @property
    def parent(self) -> str:
        """The code that gathers this one and its like: what stands before the last slash."""
        return self.code.rpartition("/")[0]


class Manifest(ManifestPart):
    """Everything that hub and appliance must know of an algorithm without touching its model."""

    apiVersion: Literal["algpkg/1"]  # noqa: N815 - the name in the format
    kind: PackageKind
    id: AlgorithmId
    version: Version
    interface: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        description="equal numbers promise compatible events and parameters, so that versions may swap",
    )
    name: Text
    cover: PackagePath | None = None
    description: Text
    vendor: Vendor
    origin: Literal["upload", "training", "external", "cascade"] = "upload"
    template: AlgorithmId | None = Field(default=None, description="the algorithm of the catalogue that this one is")
    model_of: AlgorithmId | None = Field(
        default=None, description="the algorithm whose model this one of the catalogue has"
    )
    specification: Text | None = None
    classification: Classification = Classification()
    cost: float = Field(
        default=1.0, gt=0, le=1000, description="analyse capacity that one task takes, in streams (firmware profile)"
    )
    needs_region: bool = Field(default=False, description="a task without a region makes no sense")
    needs_line: bool = Field(default=False, description="a task without a line makes no sense")
    runtime: Runtime = Runtime()
    members: tuple[Member, ...] = Field(default=(), max_length=64, description="of a bundle (算法组合包)")
    backbone: Sm3 | None = Field(
        default=None, description="of a bundle: SM3 of the backbone file that all of its algorithms share"
    )
    endpoint: Endpoint | None = None
    prompt: Prompt | None = None
    container: Container | None = None
    device: Device | None = None
    input: ModelInput | None = None
    output: ModelOutput | None = None
    labels: tuple[Annotated[str, StringConstraints(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=10_000
    )
    stages: tuple[Stage, ...] = Field(default=(), max_length=4)
    rule: Rule | None = None
    params: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Parameter] = Field(
        default_factory=dict, max_length=64, description="the form at the point, before the fields of the rule"
    )
    events: tuple[EventKind, ...] = Field(default=(), max_length=1000)
    samples: tuple[Sample, ...] = Field(default=(), max_length=32)
    conditions: Conditions | None = None
    scenes: Scenes = Scenes()
    disclaimer: Text | None = None
    training: Training | None = None
    evaluation: tuple[Evaluation, ...] = Field(default=(), max_length=64)
    notes: tuple[Note, ...] = Field(default=(), max_length=200)
    licence: Licence

    @property
    def all_labels(self) -> tuple[str, ...]:
        """What may be seen: the labels of the model, then those of its stages, each once."""
        return tuple(dict.fromkeys([*self.labels, *(label for stage in self.stages for label in stage.labels)]))

    @property
    def outside(self) -> Endpoint | None:
        """How a system of others is asked whose algorithm this is, None for what runs on a node itself."""
        return self.endpoint if self.prompt is None else self.prompt.endpoint(self.labels)

    @property
    def order(self) -> tuple[int, ...]:
        """What makes one version newer than another."""
        return version_order(self.version)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that must be in the package: models, samples, pictures, an image, a firmware."""
        scenes = (*self.scenes.good, *self.scenes.bad)
        named = (
            *self.model_files,
            self.container and self.container.archive,
            self.device and self.device.file,
            *(sample.file for sample in self.samples),
            self.cover,
            *(scene.picture for scene in scenes),
        )
        return tuple(file for file in named if file)

    @property
    def params_schema(self) -> dict[str, JsonValue]:
        """The JSON Schema 2020-12 of a task's parameters, with labels for the form."""
        return parameters.json_schema(self.form)

    @property
    def form(self) -> dict[str, Parameter]:
        """The fields of the form: those declared here, then those of the rule that are not declared here."""
        return self.params if self.rule is None else {**self.params, **self.rule.form, **self.params}

    @property
    def model_file(self) -> str | None:
        """The path of the model inside the package; None for an algorithm of the product, and for other kinds."""
        return self.runtime.platforms[0].file if self.runtime.platforms else None

    @property
    def model_files(self) -> tuple[str, ...]:
        """The paths of every model inside the package: those of each platform, and those of the stages."""
        named = (file for platform in self.runtime.platforms for file in platform.files)
        return tuple(dict.fromkeys((*named, *(stage.file for stage in self.stages))))

    @property
    def backbones(self) -> dict[str, str]:
        """The SM3 of every backbone in the package, by its path; a bundle has none itself."""
        found = (platform.backbone for platform in self.runtime.platforms)
        return {backbone.file: backbone.sm3 for backbone in found if backbone is not None}

    def platform_on(self, kinds: Collection[str], arch: str = HERE) -> Platform | None:
        """Return the first platform for a node of `arch` with devices of these kinds; every node has a `cpu`."""
        fitting = (item for item in self.runtime.platforms if item.arch in {"any", arch})
        return next((item for item in fitting if item.platform in {"cpu", *kinds}), None)

    def settle(self, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """Return every parameter with its given value or default; raise BadParameters for what does not fit."""
        return parameters.settle(self.form, given)

    @property
    def detects(self) -> bool:
        """Whether the model names what it sees; embeddings and texts are for those who compare and read."""
        return self.output is not None and not isinstance(self.output, EmbeddingOutput | CtcOutput)

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        parts = {**dict(self), "runtime": self.runtime.platforms}
        present = {kind for kind, part in OWN_PART.items() if parts[part]}
        if present != {self.kind}:
            msg = f"kind {self.kind} has {OWN_PART[self.kind]}, and no part of another kind"
            raise ValueError(msg)
        if bool(self.events) == (self.kind == "bundle"):
            msg = "a bundle has no events of its own; every other kind has at least one"
            raise ValueError(msg)
        if len({member.id for member in self.members}) != len(self.members):
            msg = "an algorithm stands twice among the members"
            raise ValueError(msg)
        if self.backbone is not None and self.kind != "bundle":
            msg = "backbone is for a bundle; an algorithm names its own in runtime.platforms"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        missing = [part for part in self._needed() if not getattr(self, part)]
        if missing:
            msg = f"kind {self.kind} needs " + ", ".join(missing)
            raise ValueError(msg)
        if self.output is not None and self.rule is not None and not self.detects:
            msg = f"a rule needs labelled detections; decoder {self.output.decoder} gives none"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _samples_fit(self) -> Self:
        named = {item.label for sample in self.samples for item in sample.objects}
        unknown = sorted(named - set(self.all_labels))
        if unknown:
            msg = f"samples expect unknown labels: {', '.join(unknown[:5])}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _events_fit(self) -> Self:
        codes, known = [event.code for event in self.events], set(self.all_labels)
        if len(set(codes)) != len(codes):
            msg = "an event code stands twice"
            raise ValueError(msg)
        strangers = [] if self.rule is None else sorted(set(self.rule.partners) - known)
        if strangers:
            msg = f"the rule's partners are unknown labels: {', '.join(strangers[:5])}"
            raise ValueError(msg)
        for event in self.events:
            unknown = [] if event.when is None else sorted(set(event.when.labels) - known)
            if unknown:
                msg = f"event {event.code} waits for unknown labels: {', '.join(unknown[:5])}"
                raise ValueError(msg)
            if self.rule is not None and event.when is None:
                msg = f"event {event.code} says no labels in `when`"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        if self.stages and not isinstance(self.output, BoxesOutput):
            msg = "stages look at boxes; the model gives none"
            raise ValueError(msg)
        unknown = sorted({label for stage in self.stages for label in stage.on} - set(self.labels))
        if unknown:
            msg = f"a stage looks at unknown labels: {', '.join(unknown[:5])}"
            raise ValueError(msg)
        twice = sorted({label for stage in self.stages for label in stage.labels} & set(self.labels))
        if twice:
            msg = f"a stage says again what the model says, which would count twice: {', '.join(twice[:5])}"
            raise ValueError(msg)
        return self

    def _needed(self) -> tuple[str, ...]:
        if self.outside is not None:
            return ("rule", "labels")
        if not any(platform.file for platform in self.runtime.platforms):
            return ()
        if isinstance(self.output, EmbeddingOutput):
            return ("input", "output")
        return (
            ("input", "output", "labels")
            if isinstance(self.output, CtcOutput)
            else ("input", "output", "rule", "labels")
        )


def version_order(version: str) -> tuple[int, ...]:
    """Return what makes one version newer than another."""
    return tuple(int(part) for part in version.split("."))


def read_manifest(text: str | bytes) -> Manifest:
    """Return the manifest in the YAML document `text`; raise BadManifest with the first faults.

    Aliases are refused, as a few bytes of them unfold to gigabytes; so are tags, names that stand twice, numbers that
    are not finite, control characters, and more than NODE_LIMIT values.
    """
    if len(text) > MANIFEST_LIMIT_BYTES:
        raise BadManifest(f"algorithm.yaml is larger than {MANIFEST_LIMIT_BYTES} bytes")
    try:
        document = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader without aliases
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadManifest(f"algorithm.yaml is not plain YAML: {_first_line(error)}") from error
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        raise BadManifest(_faults(error)) from error


def write_manifest(manifest: Manifest) -> str:
    """Return `manifest` as YAML that `read_manifest` reads back to an equal value."""
    document = manifest.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases and tags, in which every name stands once, every number is finite and nothing is endless."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self._nodes += 1
        if isinstance(event, yaml.events.AliasEvent):
            raise _not_plain("aliases are not allowed")
        if getattr(event, "tag", None) is not None:
            raise _not_plain(f"the tag {event.tag} is not allowed")
        if isinstance(event, yaml.events.ScalarEvent) and _STEERING.search(event.value):
            raise _not_plain("control characters are not allowed")
        if self._nodes > NODE_LIMIT:
            raise _not_plain(f"there are more than {NODE_LIMIT} values")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's signature
        named = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(named)) != len(named):
            twice = next(name for index, name in enumerate(named) if name in named[:index])
            raise _not_plain(f"{twice[:80]!r} stands twice in one mapping")
        return super().construct_mapping(node, deep=deep)

    def number(self, node: Any) -> int | float:
        """Return a whole or other number of a length that a number has."""
        if len(node.value) > _NUMBER_LIMIT:
            raise _not_plain(f"a number has more than {_NUMBER_LIMIT} figures")
        whole = node.tag == "tag:yaml.org,2002:int"
        value: int | float = self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)
        if not math.isfinite(value):
            raise _not_plain("a number is not finite")
        return value


for _kind in ("int", "float"):
    _PlainLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", _PlainLoader.number)


def _not_plain(message: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, message, None)


def _faults(error: ValidationError) -> str:
    items = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{'.'.join(map(str, item['loc'])) or 'algorithm.yaml'}: {item['msg']}" for item in items[:5]]
    more = f" (and {len(items) - 5} more)" if len(items) > 5 else ""
    return "; ".join(lines) + more


def _first_line(error: Exception) -> str:
    return str(error).replace("\n", " ")[:160]
