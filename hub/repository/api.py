"""Routes of the algorithm repository."""

import asyncio

from aiohttp import web

from federation.http import Access, Call, Page, Routes
from federation.messages import Digest
from hub.repository.editing import EditingDesk
from hub.repository.event_codes import EventCodeDesk
from hub.repository.examiner import criteria
from hub.repository.groups import GroupDesk
from hub.repository.licences import LicenceDesk
from hub.repository.model import (
    Algorithm,
    AlgorithmBrief,
    AlgorithmGroup,
    AlgorithmIds,
    AlgorithmQuery,
    AlgorithmTemplate,
    BareModel,
    BareModelQuery,
    Binding,
    Candidate,
    CodeMapping,
    CodeMappings,
    Criterion,
    EnteredLicence,
    GroupChoice,
    GroupDraft,
    PackageDraft,
    PictureQuery,
    Presentation,
    Recognition,
    ShelfChange,
    TemplateQuery,
    VersionQuery,
)
from hub.repository.packing import PackingDesk
from hub.repository.pictures import PackagePictures
from hub.repository.service import Repository
from hub.repository.templates import TemplateDesk
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ

CHUNK_BYTES = 1 << 18


def routes(repository: Repository, desk: TemplateDesk, pictures: PackagePictures, licences: LicenceDesk) -> Routes:
    """Return the operations on algorithms and their packages."""
    routes = Routes(tag="algorithms")

    @routes.get("/api/v1/algorithms", access=Access(permission=READ))
    async def list_algorithms(query: AlgorithmQuery) -> Page[Algorithm]:
        """List algorithms, built-in and imported."""
        return await repository.page(query)

    @routes.post(
        "/api/v1/algorithms",
        access=Access(permission=OPERATE),
        status=201,
        consumes="application/octet-stream",
    )
    async def import_algorithm(call: Call) -> Algorithm:
        """Import an algorithm package: the body is the .algpkg file."""
        chunks = call.request.content.iter_chunked(CHUNK_BYTES)
        return await repository.add(chunks, Actor.of(call))

    @routes.get("/api/v1/algorithm-briefs", access=Access(permission=READ))
    async def list_algorithm_briefs() -> list[AlgorithmBrief]:
        """List every algorithm by what names and lists of choices need."""
        return list(repository.briefs())

    @routes.get("/api/v1/algorithms/{algorithm_id}", access=Access(permission=READ))
    async def get_algorithm(algorithm_id: str, query: VersionQuery) -> Algorithm:
        """Show one algorithm, by its newest version or by another."""
        return await repository.get(algorithm_id, query.version)

    @routes.get("/api/v1/algorithms/{algorithm_id}/picture", access=Access(permission=READ), produces="image/jpeg")
    async def get_algorithm_picture(algorithm_id: str, query: PictureQuery) -> web.Response:
        """Give a picture of a package: its cover, or that of a scene."""
        content, media_type = await pictures.get(algorithm_id, query)
        headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=media_type, headers=headers)

    @routes.patch("/api/v1/algorithms/{algorithm_id}", access=Access(permission=OPERATE))
    async def shelve_algorithm(call: Call, algorithm_id: str, body: ShelfChange) -> Algorithm:
        """Put an algorithm on the shelf, or take it off unless a task that is at work uses it."""
        return await repository.shelve(algorithm_id, on_shelf=body.on_shelf, actor=Actor.of(call))

    @routes.delete("/api/v1/algorithms/{algorithm_id}", access=Access(permission=OPERATE))
    async def remove_algorithm(call: Call, algorithm_id: str) -> None:
        """Remove an imported algorithm that no task uses."""
        await repository.remove([algorithm_id], Actor.of(call))

    @routes.post("/api/v1/algorithms/delete", access=Access(permission=OPERATE), status=204)
    async def remove_algorithms(call: Call, body: AlgorithmIds) -> None:
        """Remove imported algorithms together: all of them, or none while something uses one."""
        await repository.remove(body.ids, Actor.of(call))

    @routes.get("/api/v1/algorithm-licences", access=Access(permission=READ))
    async def list_licences() -> list[EnteredLicence]:
        """List the licences of vendors that were entered."""
        return list(await licences.every())

    @routes.post(
        "/api/v1/algorithm-licences",
        access=Access(permission=OPERATE),
        status=201,
        consumes="application/octet-stream",
    )
    async def enter_licence(call: Call) -> EnteredLicence:
        """Enter a vendor's licence: the body is the .alglic file."""
        return await licences.enter(await call.request.read(), Actor.of(call))

    @routes.delete("/api/v1/algorithm-licences/{number}", access=Access(permission=OPERATE))
    async def remove_licence(call: Call, number: str) -> None:
        """Forget a licence; what runs goes on."""
        await licences.remove(number, Actor.of(call))

    @routes.get("/api/v1/package-criteria", access=Access(permission=READ))
    async def list_criteria() -> list[Criterion]:
        """List what packages are examined for, with severity and hint."""
        return list(criteria())

    @routes.get("/api/v1/algorithm-templates", access=Access(permission=READ))
    async def list_templates(query: TemplateQuery) -> list[AlgorithmTemplate]:
        """List the catalogue of city algorithms, and which of them have a model here."""
        return list(await asyncio.to_thread(desk.list, query.model))

    @routes.get("/api/v1/algorithm-templates/{slug}/models", access=Access(permission=READ))
    async def list_models_for_template(slug: str) -> list[Candidate]:
        """List every model that is here, and what each lacks to be bound to a template; those that fit come first."""
        return list(await asyncio.to_thread(desk.models, slug))

    @routes.post("/api/v1/algorithm-templates/{slug}/bindings", access=Access(permission=OPERATE), status=201)
    async def bind_template(call: Call, slug: str, body: Binding) -> Algorithm:
        """Make an algorithm of a template and the model of another algorithm."""
        return await desk.bind(slug, body.algorithm_id, Actor.of(call))

    return routes


def editing_routes(editing: EditingDesk, codes: EventCodeDesk) -> Routes:
    """Return the operations on what is said here in place of packages, and on codes of events."""
    part = Routes(tag="algorithms")

    @part.put("/api/v1/algorithms/{algorithm_id}/presentation", access=Access(permission=OPERATE))
    async def present_algorithm(call: Call, algorithm_id: str, body: Presentation) -> Algorithm:
        """Say what an algorithm is to be called here, and what it is for; its package stays as it is."""
        return await editing.edit(algorithm_id, body, Actor.of(call))

    @part.get("/api/v1/event-code-mappings", access=Access(permission=READ))
    async def list_event_code_mappings() -> list[CodeMapping]:
        """List by which codes others know kinds of event, in order of our code."""
        return list(codes.every())

    @part.put("/api/v1/algorithms/{algorithm_id}/event-codes", access=Access(permission=OPERATE))
    async def map_event_codes(call: Call, algorithm_id: str, body: CodeMappings) -> Algorithm:
        """Say by which codes others know an algorithm's kinds of event; events that come from now on carry both."""
        return await codes.map(algorithm_id, body, Actor.of(call))

    @part.delete("/api/v1/algorithms/{algorithm_id}/presentation", access=Access(permission=OPERATE))
    async def take_presentation_back(call: Call, algorithm_id: str) -> Algorithm:
        """Let everything be as the package says, its cover too."""
        return await editing.take_back(algorithm_id, Actor.of(call))

    @part.post(
        "/api/v1/algorithms/{algorithm_id}/cover",
        access=Access(permission=OPERATE),
        consumes="application/octet-stream",
    )
    async def give_cover(call: Call, algorithm_id: str) -> Algorithm:
        """Give an algorithm another cover: the body is a JPEG or PNG of at most a MiB."""
        chunks = call.request.content.iter_chunked(CHUNK_BYTES)
        return await editing.give_cover(algorithm_id, chunks, Actor.of(call))

    @part.delete("/api/v1/algorithms/{algorithm_id}/cover", access=Access(permission=OPERATE))
    async def remove_cover(call: Call, algorithm_id: str) -> Algorithm:
        """Show the cover of the package again."""
        return await editing.remove_cover(algorithm_id, Actor.of(call))

    @part.get(
        "/api/v1/algorithms/{algorithm_id}/covers/{digest}", access=Access(permission=READ), produces="image/jpeg"
    )
    async def get_cover(algorithm_id: str, digest: Digest) -> web.Response:
        """Give the cover that an algorithm was given here."""
        content, media_type = await editing.cover(algorithm_id, digest)
        headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=media_type, headers=headers)

    return part


def group_routes(groups: GroupDesk) -> Routes:
    """Return the operations on groups of algorithms."""
    part = Routes(tag="algorithms")

    @part.get("/api/v1/algorithm-groups", access=Access(permission=READ))
    async def list_groups() -> list[AlgorithmGroup]:
        """List the groups of algorithms, in order of their names."""
        return list(await groups.every())

    @part.post("/api/v1/algorithm-groups", access=Access(permission=OPERATE), status=201)
    async def add_group(call: Call, body: GroupDraft) -> AlgorithmGroup:
        """Make a group of algorithms."""
        return await groups.add(body.name, Actor.of(call))

    @part.patch("/api/v1/algorithm-groups/{group_id}", access=Access(permission=OPERATE))
    async def rename_group(call: Call, group_id: str, body: GroupDraft) -> AlgorithmGroup:
        """Give a group another name."""
        return await groups.rename(group_id, body.name, Actor.of(call))

    @part.delete("/api/v1/algorithm-groups/{group_id}", access=Access(permission=OPERATE))
    async def remove_group(call: Call, group_id: str) -> None:
        """Forget a group; its algorithms stay."""
        await groups.remove(group_id, Actor.of(call))

    @part.put("/api/v1/algorithms/{algorithm_id}/groups", access=Access(permission=OPERATE))
    async def choose_groups(call: Call, algorithm_id: str, body: GroupChoice) -> Algorithm:
        """Put an algorithm into these groups, and into no others."""
        return await groups.choose(algorithm_id, body, Actor.of(call))

    return part


def packing_routes(packing: PackingDesk) -> Routes:
    """Return the operations by which bare models become packages."""
    part = Routes(tag="algorithms")
    operate, octets = Access(permission=OPERATE), "application/octet-stream"

    @part.post("/api/v1/bare-models", access=operate, status=201, consumes=octets)
    async def take_bare_model(call: Call, query: BareModelQuery) -> BareModel:
        """Take in a bare model: the body is the .onnx file; it is kept for an hour."""
        return await packing.take(query.name, call.request.content.iter_chunked(CHUNK_BYTES))

    @part.post("/api/v1/bare-models/{model_id}/pictures", access=operate, consumes=octets)
    async def add_sample_picture(call: Call, model_id: str) -> BareModel:
        """Add a picture that shows what the model finds: the body is a JPEG or PNG of at most 16 MiB."""
        return await packing.add_picture(model_id, call.request.content.iter_chunked(CHUNK_BYTES))

    @part.post("/api/v1/bare-models/{model_id}/recognition", access=operate, status=202)
    async def recognise_bare_model(model_id: str, body: Recognition) -> BareModel:
        """Have the model looked at; how far that is, the model itself tells."""
        return await packing.recognise(model_id, body)

    @part.get("/api/v1/bare-models/{model_id}", access=operate)
    async def get_bare_model(model_id: str) -> BareModel:
        """Show how far a bare model is."""
        return await packing.get(model_id)

    @part.post("/api/v1/bare-models/{model_id}/package", access=operate, status=201)
    async def pack_bare_model(call: Call, model_id: str, body: PackageDraft) -> Algorithm:
        """Make a package of a model that was recognised, and import it."""
        return await packing.pack(model_id, body, Actor.of(call))

    @part.delete("/api/v1/bare-models/{model_id}", access=operate)
    async def drop_bare_model(model_id: str) -> None:
        """Forget a bare model."""
        await packing.drop(model_id)

    return part
