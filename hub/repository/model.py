"""Algorithms as they go over the wire."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from federation.http import Input, Output, PageQuery
from federation.packages.description import (
    AlgorithmId,
    Capacity,
    Classification,
    Conditions,
    Evaluation,
    Licence,
    Needs,
    Note,
    Scenes,
    Training,
    Vendor,
    Version,
    Words,
)
from federation.packages.licences import LicenceState, VendorLicence
from federation.packages.runtime import Platform
from federation.packages.texts import Text


class EventKind(Output):
    """One kind of event that algorithms report, or one that gathers others: the `parent` of their codes."""

    code: str
    parent: str | None = Field(description="the code that gathers this one and its like; none for one that gathers")
    name_zh: str
    name_en: str


class CodeMapping(Output):
    """By which code others know a kind of event; `name` is what they call it, empty where nobody said."""

    code: str
    mapped_code: str
    name: str


class Criterion(Output):
    """One thing that a package must (error) or should (warning) fulfil, and how."""

    rule: int
    code: str
    severity: Literal["error", "warning"]
    hint_zh: str
    hint_en: str


class Finding(Output):
    """How a package stands with one criterion; `detail` says what was found."""

    code: str
    outcome: Literal["passed", "failed", "skipped"]
    detail: str


class Signer(Output):
    """Somebody who is trusted here and signed the package; the fingerprint is that of an SM2 key."""

    name: str
    fingerprint: str


class PackageExamination(Output):
    """What became of the examination of a package; empty for what is part of the product."""

    findings: tuple[Finding, ...] = ()
    signed_by: tuple[Signer, ...] = ()

    @property
    def signers(self) -> frozenset[str]:
        """The fingerprints of those who signed it."""
        return frozenset(signer.fingerprint for signer in self.signed_by)


class LicenceStanding(Output):
    """How the vendor's licences allow to use an algorithm now; `free` needs none."""

    state: LicenceState
    ends: AwareDatetime | None = Field(description="when the last of them runs out, or ran out")
    tasks: int | None = Field(description="how many tasks they allow; none: any number")


Editable = Literal["name", "description", "vendor", "targets", "industries", "business", "places", "cover"]


class Edits(Output):
    """What operators say of an algorithm in place of its package; where it is None, the package's word holds."""

    name: Text | None = None
    description: Text | None = None
    vendor: Text | None = None
    targets: Words | None = None
    industries: Words | None = None
    business: Words | None = None
    places: Words | None = None


class Group(Output):
    """A group that people made of algorithms; an algorithm may be in several."""

    id: str
    name: str


class AlgorithmGroup(Group):
    """A group with how many algorithms are in it."""

    algorithms: int


EnteredState = Literal["early", "in_force", "expired", "foreign"]


class EnteredLicence(Output):
    """A vendor's licence that was entered; `foreign`: not the vendor of the algorithm that is here signed it."""

    licence: VendorLicence
    entered_at: AwareDatetime
    state: EnteredState
    tasks_used: int = Field(description="tasks of the algorithm, and of those of the catalogue that have its model")


class Algorithm(Output):
    """One algorithm, by its newest version if no other is asked for; `source` is `builtin` or `upload`."""

    id: str
    version: str
    versions: tuple[str, ...]
    name_zh: str
    name_en: str
    description_zh: str
    description_en: str
    package_kind: str = Field(description="algorithm, bundle, endpoint, prompt, container or device")
    kind: str = Field(description="what it does: detection, behaviour, classification …")
    backend: str
    source: str
    on_shelf: bool
    labels: tuple[str, ...]
    events: tuple[EventKind, ...]
    mapped_codes: tuple[CodeMapping, ...] = Field(description="by which codes others know its kinds of event")
    rule_kind: str
    parameters: dict[str, Any] = Field(description="defaults")
    parameters_schema: dict[str, Any] = Field(description="JSON Schema of the parameters' form")
    needs_region: bool
    needs_line: bool
    cost: float = Field(description="units of `analyse` for one stream")
    members: tuple[str, ...] = Field(description="the algorithms of a bundle")
    examined: PackageExamination = Field(description="all that its package was examined for")
    vendor: Vendor
    classification: Classification
    platforms: tuple[Platform, ...] = Field(description="where it runs, each with the memory it takes")
    needs: Needs
    capacity: tuple[Capacity, ...] = Field(description="计算能力, as the vendor says")
    cover: str | None = Field(description="path of its cover picture in the package")
    own_cover: str | None = Field(description="digest of a cover that was given here, which goes first")
    groups: tuple[Group, ...] = Field(description="in order of their names")
    edited: tuple[Editable, ...] = Field(description="what is said here in place of the package")
    conditions: Conditions | None
    scenes: Scenes
    disclaimer_zh: str
    disclaimer_en: str
    training: Training | None = Field(description="算法模型信息")
    evaluation: tuple[Evaluation, ...]
    notes: tuple[Note, ...] = Field(description="版本迭代说明 of this version and those before, newest first")
    licence: Licence
    authorisation: LicenceStanding
    template: str | None = Field(description="the algorithm of the catalogue that it is")
    binds: bool = Field(description="whether its model can be bound to algorithms of the catalogue")
    digest: str | None
    size_bytes: int
    imported_at: AwareDatetime
    tasks: int


class AlgorithmBrief(Output):
    """An algorithm as names and lists of choices need it."""

    id: str
    version: str
    name_zh: str
    name_en: str
    vendor_zh: str
    on_shelf: bool
    needs_region: bool
    needs_line: bool
    binds: bool = Field(description="whether its model can be bound to algorithms of the catalogue")
    looks_at_pictures: bool = Field(description="whether it has a model, which snapshot plans may name")
    authorisation: LicenceState


class TemplateClass(Output):
    """A kind of thing that a template wants a model to tell apart."""

    name: str
    name_zh: str
    name_en: str


class Candidate(Output):
    """An algorithm that a template is, or whose model it could have; `lacks` is what the model does not know.

    It fits unless something is `missing`: groups of classes of which it should know at least one, and knows none.
    """

    algorithm_id: str
    version: str
    name_zh: str
    name_en: str
    on_shelf: bool
    fits: bool
    lacks: tuple[TemplateClass, ...]
    missing: tuple[tuple[TemplateClass, ...], ...]


class AlgorithmTemplate(Output):
    """An algorithm of the catalogue. One that is neither bound nor bindable has no model here: 未提供模型."""

    slug: str
    number: str
    name_zh: str
    name_en: str
    description_zh: str
    description_en: str
    category: str
    rule_kind: str
    defaults: dict[str, Any] = Field(description="of the rule")
    needs_region: bool
    places: tuple[str, ...]
    event_code: str = Field(description="gathers the codes of its classes")
    needs: tuple[tuple[TemplateClass, ...], ...] = Field(description="a model has at least one class of each group")
    reports: tuple[TemplateClass, ...]
    state: Literal["bound", "bindable", "no_model"]
    bound: Candidate | None
    fitting: int = Field(description="how many models here have its classes")


class Binding(Input):
    """The algorithm whose model a template is to have."""

    algorithm_id: str = Field(min_length=1, max_length=128)


class TemplateQuery(Input):
    """Filter of the catalogue."""

    model: str | None = Field(default=None, max_length=128, description="only what this algorithm's model fits")


class ProposedEvent(Output):
    """A kind of event that the packed model would report."""

    code: str
    name_zh: str
    name_en: str


class ProposedPackage(Output):
    """How a bare model is to be used, as its file and the sample pictures say."""

    decoder: str
    kind: str = Field(description="what it does: detection, classification …")
    width_px: int
    height_px: int
    labels: tuple[str, ...]
    events: tuple[ProposedEvent, ...]
    samples: int = Field(description="pictures that go into the package, with what must be found in them")
    support: float = Field(description="summed scores of what was found twice, a picture; the higher, the surer")


class BareModel(Output):
    """A bare model on its way to a package; `code` and `detail` say why it was refused."""

    id: str
    file_name: str
    size_bytes: int
    pictures: int
    state: Literal["open", "waiting", "looking", "proposed", "refused"]
    for_s: float = Field(description="how long it has been looked at")
    code: str
    detail: str
    proposed: ProposedPackage | None


class BareModelQuery(Input):
    """What the file of the model is called."""

    name: str = Field(min_length=1, max_length=200)


class Recognition(Input):
    """What is known of the model's classes; empty: what it says itself, or else those of COCO."""

    labels: tuple[str, ...] = Field(default=(), max_length=10_000)


class VersionQuery(Input):
    """Which version is meant; the newest if none is said."""

    version: str | None = Field(default=None, max_length=64)


class PictureQuery(VersionQuery):
    """A picture that the manifest names: its cover, or that of a scene."""

    path: str = Field(min_length=1, max_length=255)


class AlgorithmQuery(PageQuery):
    """Filters of the algorithm list."""

    text: str | None = Field(default=None, max_length=100)
    source: str | None = Field(default=None, pattern="^(builtin|upload)$")
    on_shelf: bool | None = None
    authorisation: LicenceState | None = Field(default=None, description="how its vendor's licences stand")
    group_id: str | None = Field(default=None, max_length=36, description="only what is in this group")
    takes: Literal["image", "image_stream", "video"] | None = Field(default=None, description="分析源类型")
    platform: Literal["cpu", "cuda"] | None = Field(default=None, description="计算平台 that it runs on")
    vendor: str | None = Field(
        default=None, max_length=200, description="name of its vendor, as it is shown in Chinese"
    )
    since: AwareDatetime | None = Field(default=None, description="its newest version came then or later")
    until: AwareDatetime | None = Field(default=None, description="its newest version came before")


class LineOfText(Input):
    """A line for people, in both languages."""

    zh: str = Field(min_length=1, max_length=200)
    en: str = Field(min_length=1, max_length=200)


class Prose(Input):
    """Some sentences for people, in both languages."""

    zh: str = Field(min_length=1, max_length=2000)
    en: str = Field(min_length=1, max_length=2000)


class Presentation(Input):
    """All that an operator may say of an algorithm beside its cover; what is as its package says follows that."""

    name: LineOfText
    description: Prose
    vendor: LineOfText
    targets: Words
    industries: Words
    business: Words
    places: Words


class EventName(LineOfText):
    """What a kind of event of the new package is called."""

    code: str = Field(min_length=1, max_length=128)


class PackageDraft(Input):
    """What people say of a bare model; `note` is what is new in this version 版本迭代说明."""

    id: AlgorithmId
    version: Version
    name: LineOfText
    description: Prose
    vendor: LineOfText
    note: Prose | None = None
    events: tuple[EventName, ...] = Field(default=(), max_length=1000)


class AlgorithmIds(Input):
    """Algorithms to act on together."""

    ids: tuple[str, ...] = Field(min_length=1, max_length=200)


class GroupDraft(Input):
    """What a group is called; no other group may be called so."""

    name: str = Field(min_length=1, max_length=64)


class GroupChoice(Input):
    """All groups that an algorithm is to be in."""

    group_ids: tuple[str, ...] = Field(max_length=200)


class CodeMappingDraft(Input):
    """By which code others know a kind of event of the algorithm."""

    code: str = Field(min_length=1, max_length=128)
    mapped_code: str = Field(
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$",
        description="letters, digits, and . _ / - between",
    )
    name: str = Field(default="", max_length=100)


class CodeMappings(Input):
    """All mappings of an algorithm's kinds of event; one that is left out is mapped no longer."""

    mappings: tuple[CodeMappingDraft, ...] = Field(max_length=1000)


class ShelfChange(Input):
    """Put an algorithm on the shelf 上架, or take it off 下架."""

    on_shelf: bool
