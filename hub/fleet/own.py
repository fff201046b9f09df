"""Who this hub is among hubs."""

from sqlalchemy import select

from federation.messages import Hop
from hub.database import Database
from hub.fleet.tables import hub_identity


class OwnHub:
    """Name and id of this hub; the id is known once the fleet has started."""

    def __init__(self, name: str) -> None:
        """Go by `name` in portals."""
        self.name = name
        self._hub_id = ""

    @property
    def hub_id(self) -> str:
        """The id, a UUID that stays for the life of the database."""
        assert self._hub_id, "the fleet has not started"  # noqa: S101 - a fault of ours
        return self._hub_id

    @property
    def hop(self) -> Hop:
        """How this hub stands in the path of an event that it hands on."""
        return Hop(hub_id=self.hub_id, name=self.name)

    async def load(self, database: Database) -> None:
        """Read the id."""
        statement = select(hub_identity.c.hub_id)
        self._hub_id = str(await database.run(lambda connection: connection.execute(statement).scalar_one()))
