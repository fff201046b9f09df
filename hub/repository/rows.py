"""The rows of algorithms and their versions: read whole, written in the caller's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from federation.artifacts import PACKAGE_KIND, Label
from federation.http import Problem
from federation.http.problem import FieldError, conflict
from federation.packages import Manifest, Package
from federation.packages.licences import SignedLicence, VendorLicence, authorisation, licensed_id, vendors_of
from hub.artifacts.service import enter, strike
from hub.captures.tables import capture_plans
from hub.database.moments import from_us, now_us
from hub.points.tables import points
from hub.repository.catalogue import Catalogue, Listed, Release, gathering, in_order, parent_of
from hub.repository.model import CodeMapping, Edits, EventKind, Group, PackageExamination
from hub.repository.tables import (
    algorithm_group_members,
    algorithm_groups,
    algorithm_presentations,
    algorithm_versions,
    algorithms,
    event_code_mappings,
    event_types,
    vendor_licences,
)
from hub.scheduling.tables import tasks
from hub.security.audit import HUB, Actor, record

MOST_NAMED = 5  # in one sentence
MOST_LISTED = 20

USABLE_KINDS = frozenset({"algorithm", "bundle", "endpoint", "prompt"})
"""What tasks can be made of: nodes run models and the product's own algorithms, and ask systems of others."""


def add_builtin(connection: Connection, manifest: Manifest) -> None:
    """Enter an algorithm of the product; its own code is the only version that can run."""
    present = connection.execute(select(algorithms).where(algorithms.c.id == manifest.id)).first()
    if present is None:
        connection.execute(insert(algorithms).values(id=manifest.id, source="builtin", on_shelf=True))
        record(connection, HUB, "algorithm.create", f"algorithm:{manifest.id}", {"version": manifest.version})
    own = algorithm_versions.c.algorithm_id == manifest.id
    stored = connection.execute(select(algorithm_versions.c.manifest).where(own)).scalars().all()
    if stored != [manifest.model_dump_json()]:
        # The product's own code is the only version that can run, whatever was shipped before.
        connection.execute(delete(algorithm_versions).where(own))
        _write_version(connection, manifest, digest=None, size_bytes=0)


def add_upload(connection: Connection, package: Package, examined: PackageExamination, actor: Actor) -> Catalogue:
    """Enter an uploaded version and return the catalogue; raise Problem for what contradicts it."""
    manifest = package.manifest
    present = connection.execute(select(algorithms).where(algorithms.c.id == manifest.id)).first()
    if present is not None and present.source == "builtin":
        raise conflict("algorithm_built_in", f"{manifest.id} is the name of a built-in algorithm.")
    same = connection.execute(
        select(algorithm_versions.c.digest)
        .where(algorithm_versions.c.algorithm_id == manifest.id)
        .where(algorithm_versions.c.version == manifest.version)
    ).first()
    if same is not None and same.digest == package.digest:
        _write_examination(connection, manifest, examined)  # the same bytes; others may be trusted or licensed by now
        return read_catalogue(connection)
    if same is not None:
        detail = f"Version {manifest.version} of {manifest.id} is here with other content; raise the version."
        raise conflict("version_exists", detail)
    _refuse_taken_codes(connection, manifest)
    if present is None:
        connection.execute(insert(algorithms).values(id=manifest.id, source="upload", on_shelf=False))
    _write_version(connection, manifest, digest=package.digest, size_bytes=package.size_bytes, examined=examined)
    if present is None and manifest.kind in USABLE_KINDS and _allowed(connection, manifest):
        connection.execute(update(algorithms).where(algorithms.c.id == manifest.id).values(on_shelf=True))
    label = Label(kind=PACKAGE_KIND, name=manifest.id, version=manifest.version)
    enter(connection, label, digest=package.digest, size_bytes=package.size_bytes)
    imported = {"version": manifest.version, "digest": package.digest}
    record(connection, actor, "algorithm.import", f"algorithm:{manifest.id}", imported)
    return read_catalogue(connection)


def _allowed(connection: Connection, manifest: Manifest) -> bool:
    """Tell whether licences that are in force allow to use an algorithm whose versions are here."""
    wanted = licensed_id(manifest)
    of_it = select(algorithm_versions.c.examination).where(algorithm_versions.c.algorithm_id == wanted)
    vendors = vendors_of(_examination(text).signers for text in connection.scalars(of_it))
    counting = [item.licence for item in read_licences(connection) if item.counts(vendors)]
    return authorisation(manifest, counting, datetime.now(UTC)).allows


def _write_examination(connection: Connection, manifest: Manifest, examined: PackageExamination) -> None:
    which = (algorithm_versions.c.algorithm_id == manifest.id) & (algorithm_versions.c.version == manifest.version)
    connection.execute(update(algorithm_versions).where(which).values(examination=examined.model_dump_json()))


def _refuse_taken_codes(connection: Connection, manifest: Manifest) -> None:
    codes = [event.code for event in manifest.events]
    rows = connection.execute(
        select(event_types.c.code, event_types.c.algorithm_id)
        .where(event_types.c.code.in_(codes))
        .where(event_types.c.algorithm_id != manifest.id)
        .where(event_types.c.algorithm_id.in_(select(algorithms.c.id)))
    ).all()
    if rows:
        detail = f"Event code {rows[0].code} belongs to algorithm {rows[0].algorithm_id}."
        raise conflict("event_code_taken", detail)


def _write_version(
    connection: Connection,
    manifest: Manifest,
    *,
    digest: str | None,
    size_bytes: int,
    examined: PackageExamination | None = None,
) -> None:
    connection.execute(
        insert(algorithm_versions).values(
            algorithm_id=manifest.id,
            version=manifest.version,
            manifest=manifest.model_dump_json(),
            digest=digest,
            size_bytes=size_bytes,
            imported_at_us=now_us(),
            examination=None if examined is None else examined.model_dump_json(),
        )
    )
    for event in manifest.events:
        connection.execute(delete(event_types).where(event_types.c.code == event.code))
        connection.execute(
            insert(event_types).values(
                code=event.code, name_zh=event.name.zh[:100], name_en=event.name.en[:100], algorithm_id=manifest.id
            )
        )


def remove_algorithms(connection: Connection, algorithm_ids: Iterable[str], actor: Actor) -> Catalogue:
    """Remove algorithms with all their versions and return the catalogue; raise Problem while something uses one."""
    for algorithm_id in algorithm_ids:
        _remove(connection, algorithm_id, actor)
    return read_catalogue(connection)


def _remove(connection: Connection, algorithm_id: str, actor: Actor) -> None:
    refuse_used(connection, algorithm_id, running=False)
    own = algorithm_versions.c.algorithm_id == algorithm_id
    for digest in connection.scalars(select(algorithm_versions.c.digest).where(own)).all():
        if digest is not None:
            strike(connection, digest)
    connection.execute(delete(algorithm_versions).where(own))
    codes = select(event_types.c.code).where(event_types.c.algorithm_id == algorithm_id)
    connection.execute(delete(event_code_mappings).where(event_code_mappings.c.code.in_(codes)))
    connection.execute(delete(algorithm_group_members).where(algorithm_group_members.c.algorithm_id == algorithm_id))
    connection.execute(delete(algorithm_presentations).where(algorithm_presentations.c.algorithm_id == algorithm_id))
    connection.execute(delete(algorithms).where(algorithms.c.id == algorithm_id))
    record(connection, actor, "algorithm.delete", f"algorithm:{algorithm_id}", {})


def refuse_used(connection: Connection, algorithm_id: str, *, running: bool) -> None:
    """Raise Problem that names tasks and snapshot plans that use an algorithm; `running`: only those at work count."""
    users = [
        *_tasks_of(connection, algorithm_id, running=running),
        *_plans_of(connection, algorithm_id, running=running),
    ]
    if not users:
        return
    names = ", ".join(item.message for item in users[:MOST_NAMED])
    more = f" and {len(users) - MOST_NAMED} more" if len(users) > MOST_NAMED else ""
    first = "stop them" if running else "delete them, or have them use another"
    detail = f"{names}{more} use {algorithm_id}; {first} first."
    raise Problem(409, "algorithm_in_use", detail, errors=tuple(users[:MOST_LISTED]))


def _tasks_of(connection: Connection, algorithm_id: str, *, running: bool) -> list[FieldError]:
    wanted = select(tasks.c.name, points.c.name).join(points, points.c.id == tasks.c.point_id)
    wanted = wanted.where(tasks.c.algorithm_id == algorithm_id).order_by(tasks.c.name, tasks.c.id)
    if running:
        wanted = wanted.where(tasks.c.started)
    return [FieldError(field="task", message=f"{task} ({point})") for task, point in connection.execute(wanted)]


def _plans_of(connection: Connection, algorithm_id: str, *, running: bool) -> list[FieldError]:
    bodies = connection.scalars(select(capture_plans.c.body).order_by(capture_plans.c.id))
    return [
        FieldError(field="capture_plan", message=body["name"])
        for body in bodies
        if (body.get("algorithm") or {}).get("algorithm_id") == algorithm_id and (body["enabled"] or not running)
    ]


def task_counts(connection: Connection) -> dict[str, int]:
    """Return how many tasks use each algorithm."""
    rows = connection.execute(select(tasks.c.algorithm_id, func.count()).group_by(tasks.c.algorithm_id))
    return {row[0]: row[1] for row in rows}


def read_catalogue(connection: Connection) -> Catalogue:
    """Return everything that there is."""
    releases: dict[str, list[Release]] = {}
    for row in connection.execute(select(algorithm_versions)):
        releases.setdefault(row.algorithm_id, []).append(_release(row))
    heads = connection.execute(select(algorithms)).all()
    kinds = connection.execute(select(event_types)).all()
    shown = algorithm_presentations.c
    said = {
        row.algorithm_id: row for row in connection.execute(select(shown.algorithm_id, shown.edits, shown.cover_digest))
    }
    groups = _groups(connection)
    entered = {head.id: _listed(head, releases[head.id], said.get(head.id), groups.get(head.id, ())) for head in heads}
    mapped = read_mappings(connection)
    owners = {row.code: row.algorithm_id for row in kinds}
    for each in mapped:
        owner = entered.get(owners.get(each.code, ""))
        if owner is not None:
            entered[owner.id] = replace(owner, mapped_codes=(*owner.mapped_codes, each))
    reported = {
        row.code: EventKind(code=row.code, parent=parent_of(row.code), name_zh=row.name_zh, name_en=row.name_en)
        for row in kinds
    }
    parents = gathering(owners, entered)
    return Catalogue(
        algorithms=entered,
        event_kinds=parents | reported,
        licences=read_licences(connection),
        mappings=mapped,
        mapped_codes={each.code: each.mapped_code for each in mapped},
        mapped_names={each.mapped_code: each.name for each in mapped if each.name},
    )


def read_mappings(connection: Connection) -> tuple[CodeMapping, ...]:
    """Return every mapping of an event's code, in order of the code."""
    rows = connection.execute(select(event_code_mappings).order_by(event_code_mappings.c.code))
    return tuple(CodeMapping(code=row.code, mapped_code=row.mapped_code, name=row.name) for row in rows)


def _groups(connection: Connection) -> dict[str, tuple[Group, ...]]:
    """Return the groups of every algorithm that is in one, in order of their names."""
    members = algorithm_group_members.c
    found: dict[str, tuple[Group, ...]] = {}
    for algorithm_id, group_id, name in connection.execute(
        select(members.algorithm_id, algorithm_groups.c.id, algorithm_groups.c.name)
        .join(algorithm_groups, algorithm_groups.c.id == members.group_id)
        .order_by(algorithm_groups.c.name)
    ):
        found[algorithm_id] = (*found.get(algorithm_id, ()), Group(id=group_id, name=name))
    return found


def _listed(head: Any, releases: Sequence[Release], said: Any, groups: tuple[Group, ...]) -> Listed:
    return Listed(
        id=head.id,
        source=head.source,
        on_shelf=head.on_shelf,
        releases=in_order(releases),
        edits=Edits() if said is None else Edits.model_validate_json(said.edits),
        cover_digest=None if said is None else said.cover_digest,
        groups=groups,
    )


def read_licences(connection: Connection) -> tuple[SignedLicence, ...]:
    """Return every licence of a vendor that was entered, in order of number."""
    rows = connection.execute(select(vendor_licences).order_by(vendor_licences.c.number)).all()
    return tuple(
        SignedLicence(licence=VendorLicence.model_validate_json(row.body), signer=row.signer, of_all=row.of_all)
        for row in rows
    )


def _release(row: Any) -> Release:
    return Release(
        manifest=Manifest.model_validate_json(row.manifest),
        digest=row.digest,
        size_bytes=row.size_bytes,
        imported_at=from_us(row.imported_at_us),
        examined=_examination(row.examination),
    )


def _examination(text: str | None) -> PackageExamination:
    return PackageExamination.model_validate_json(text or "{}")
