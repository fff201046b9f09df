"""Groups of algorithms 分组: people sort the repository by them; nothing else depends on them."""

from collections.abc import Callable

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from federation.http.problem import conflict, not_found
from federation.messages import new_id
from hub.database import Database
from hub.repository.catalogue import Catalogue
from hub.repository.model import Algorithm, AlgorithmGroup, GroupChoice
from hub.repository.rows import read_catalogue
from hub.repository.service import Repository
from hub.repository.tables import algorithm_group_members, algorithm_groups
from hub.security.audit import Actor, record

MOST_GROUPS = 200


class GroupDesk:
    """Makes groups, and puts algorithms into them."""

    def __init__(self, database: Database, repository: Repository) -> None:
        """Group the algorithms of `repository`."""
        self._database = database
        self._repository = repository

    async def every(self) -> tuple[AlgorithmGroup, ...]:
        """Return every group in order of its name."""
        return await self._database.run(_every)

    async def add(self, name: str, actor: Actor) -> AlgorithmGroup:
        """Make a group without algorithms; raise Problem when the name is taken or there are too many."""
        group_id = new_id()

        def work(connection: Connection) -> None:
            if (connection.scalar(select(func.count()).select_from(algorithm_groups)) or 0) >= MOST_GROUPS:
                raise conflict("too_many_groups", f"A hub keeps at most {MOST_GROUPS} groups; remove one first.")
            connection.execute(insert(algorithm_groups).values(id=group_id, name=name))
            record(connection, actor, "algorithm.group.add", f"group:{group_id}", {"name": name})

        return await self._named(group_id, name, work)

    async def rename(self, group_id: str, name: str, actor: Actor) -> AlgorithmGroup:
        """Give a group another name; raise Problem when there is no such group or the name is taken."""

        def work(connection: Connection) -> None:
            before = _name(connection, group_id)
            connection.execute(update(algorithm_groups).where(algorithm_groups.c.id == group_id).values(name=name))
            if before != name:
                detail = {"from": before, "to": name}
                record(connection, actor, "algorithm.group.rename", f"group:{group_id}", detail)

        return await self._named(group_id, name, work)

    async def remove(self, group_id: str, actor: Actor) -> None:
        """Forget a group; its algorithms stay. Raises Problem when there is none."""

        def work(connection: Connection) -> None:
            name = _name(connection, group_id)
            members = algorithm_group_members.c.group_id == group_id
            connection.execute(delete(algorithm_group_members).where(members))
            connection.execute(delete(algorithm_groups).where(algorithm_groups.c.id == group_id))
            record(connection, actor, "algorithm.group.delete", f"group:{group_id}", {"name": name})

        await self._commit(work)

    async def choose(self, algorithm_id: str, choice: GroupChoice, actor: Actor) -> Algorithm:
        """Put an algorithm into these groups and no others; raise Problem when one of them is not there."""
        self._repository.find(algorithm_id)
        wanted = tuple(dict.fromkeys(choice.group_ids))

        def work(connection: Connection) -> None:
            names = [_name(connection, group_id) for group_id in wanted]
            own = algorithm_group_members.c.algorithm_id == algorithm_id
            connection.execute(delete(algorithm_group_members).where(own))
            if wanted:
                rows = [{"group_id": group_id, "algorithm_id": algorithm_id} for group_id in wanted]
                connection.execute(insert(algorithm_group_members), rows)
            record(connection, actor, "algorithm.group", f"algorithm:{algorithm_id}", {"groups": names})

        await self._commit(work)
        return await self._repository.get(algorithm_id)

    async def _named(self, group_id: str, name: str, work: Callable[[Connection], None]) -> AlgorithmGroup:
        try:
            await self._commit(work)
        except IntegrityError as error:
            raise conflict("group_exists", f"There is a group {name!r} already.") from error
        return next(item for item in await self.every() if item.id == group_id)

    async def _commit(self, work: Callable[[Connection], None]) -> None:
        def whole(connection: Connection) -> Catalogue:
            work(connection)
            return read_catalogue(connection)

        self._repository.catalogue = await self._database.run(whole)


def _every(connection: Connection) -> tuple[AlgorithmGroup, ...]:
    members = algorithm_group_members.c
    counts = select(members.group_id, func.count().label("many")).group_by(members.group_id).subquery()
    rows = connection.execute(
        select(algorithm_groups, counts.c.many)
        .outerjoin(counts, counts.c.group_id == algorithm_groups.c.id)
        .order_by(algorithm_groups.c.name)
    )
    return tuple(AlgorithmGroup(id=row.id, name=row.name, algorithms=row.many or 0) for row in rows)


def _name(connection: Connection, group_id: str) -> str:
    found = connection.scalar(select(algorithm_groups.c.name).where(algorithm_groups.c.id == group_id))
    if found is None:
        raise not_found("group", group_id[:80])
    return str(found)
