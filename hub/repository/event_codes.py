"""By which codes others know the kinds of event of an algorithm 事件码映射: events that come carry both codes."""

from sqlalchemy import Connection, delete, insert, select

from federation.http.problem import invalid
from hub.database import Database
from hub.repository.catalogue import Catalogue
from hub.repository.model import Algorithm, CodeMapping, CodeMappings
from hub.repository.rows import read_catalogue
from hub.repository.service import Repository
from hub.repository.tables import event_code_mappings, event_types
from hub.security.audit import Actor, record


class EventCodeDesk:
    """Maps the codes of events; what came before keeps the code that it was given when it came."""

    def __init__(self, database: Database, repository: Repository) -> None:
        """Map the codes of the algorithms of `repository`."""
        self._database = database
        self._repository = repository

    def every(self) -> tuple[CodeMapping, ...]:
        """Return every mapping, in order of our code."""
        return self._repository.catalogue.mappings

    async def map(self, algorithm_id: str, wanted: CodeMappings, actor: Actor) -> Algorithm:
        """Replace all mappings of an algorithm; raise Problem for a code that it does not report, or that stands twice.

        Kinds of event of its older versions may be mapped as well: boxes may still report them.
        """
        self._repository.find(algorithm_id)

        def work(connection: Connection) -> Catalogue:
            own = set(connection.scalars(select(event_types.c.code).where(event_types.c.algorithm_id == algorithm_id)))
            _check(wanted, own)
            connection.execute(delete(event_code_mappings).where(event_code_mappings.c.code.in_(own)))
            if wanted.mappings:
                connection.execute(insert(event_code_mappings), [each.model_dump() for each in wanted.mappings])
            detail = {each.code: each.mapped_code for each in wanted.mappings}
            record(connection, actor, "algorithm.event_codes", f"algorithm:{algorithm_id}", {"mapped": detail})
            return read_catalogue(connection)

        self._repository.catalogue = await self._database.run(work)
        return await self._repository.get(algorithm_id)


def _check(wanted: CodeMappings, own: set[str]) -> None:
    seen: set[str] = set()
    for place, each in enumerate(wanted.mappings):
        if each.code not in own:
            raise invalid(f"body.mappings.{place}.code", f"the algorithm reports no {each.code!r}")
        if each.code in seen:
            raise invalid(f"body.mappings.{place}.code", f"{each.code!r} stands here twice")
        seen.add(each.code)
