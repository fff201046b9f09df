"""How nodes shall use their links: one policy for all, and one for each site that needs its own."""

import asyncio
from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from federation.http import Page
from federation.http.problem import invalid, not_found
from federation.messages import LinkPolicy
from hub.database import Database
from hub.database.moments import now_us
from hub.errors import UnknownNode
from hub.fleet.desired import DesiredPublisher
from hub.fleet.model import SitePolicy
from hub.fleet.roster import Roster
from hub.fleet.tables import link_policies
from hub.security.audit import Actor, record

ALL = ""
BEATS_WITHIN_SILENCE = 3
"""A node may lose so many beats but one before it is suspect."""


class Policies:
    """Keeps every node's document of policy as its site wants it."""

    def __init__(self, *, database: Database, roster: Roster, desired: DesiredPublisher, silence_s: float) -> None:
        """Refuse beats so rare that a node would be suspect after `silence_s` seconds of them."""
        self._database = database
        self._roster = roster
        self._desired = desired
        self._silence_s = silence_s
        self._policies: Mapping[str, LinkPolicy] = {}
        self._sites: dict[str, str] = {}
        self._changed = asyncio.Event()
        roster.when_changed(self._node_changed)

    async def start(self) -> None:
        """Read the policies, and want them of the nodes that there are."""
        self._policies = await self._database.run(_read)
        await self.apply()

    async def run(self) -> None:
        """Want its policy of every node that comes or moves to another site, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.apply()

    async def apply(self) -> None:
        """Want of every node what its site's policy says."""
        for node in self._roster.all():
            self._sites[node.id] = node.site
            try:
                await self._desired.set_policy(node.id, self.policy_of(node.site))
            except UnknownNode:
                continue  # it was removed just now

    def policy_of(self, site: str) -> LinkPolicy:
        """Return the policy of a site: its own, or that for all."""
        return self._policies.get(site) or self._policies.get(ALL) or LinkPolicy()

    def page(self) -> Page[SitePolicy]:
        """Return the policy for all, then those of sites by name."""
        own = sorted(site for site in self._policies if site != ALL)
        rows = tuple(SitePolicy(site=site, policy=self.policy_of(site)) for site in (ALL, *own))
        return Page(items=rows, total=len(rows))

    async def set(self, site: str, policy: LinkPolicy, actor: Actor) -> SitePolicy:
        """Let the nodes of `site`, or all without a policy of their own, follow `policy`; raise Problem."""
        if policy.beat_every_s * BEATS_WITHIN_SILENCE > self._silence_s:
            longest = self._silence_s / BEATS_WITHIN_SILENCE
            raise invalid("body.beat_every_s", f"at most {longest:g} s: the hub suspects who is silent for longer")

        def work(connection: Connection) -> None:
            connection.execute(delete(link_policies).where(link_policies.c.site == site))
            values = {"site": site, "policy": policy.model_dump_json(), "updated_at_us": now_us()}
            connection.execute(insert(link_policies).values(**values))
            record(connection, actor, "link_policy.set", f"site:{site}", policy.model_dump(mode="json"))

        await self._database.run(work)
        self._policies = {**self._policies, site: policy}
        await self.apply()
        return SitePolicy(site=site, policy=policy)

    async def remove(self, site: str, actor: Actor) -> None:
        """Let the nodes of a site follow the policy for all again."""

        def work(connection: Connection) -> None:
            if not connection.execute(delete(link_policies).where(link_policies.c.site == site)).rowcount:
                raise not_found("link policy of the site", site)
            record(connection, actor, "link_policy.remove", f"site:{site}")

        await self._database.run(work)
        self._policies = {key: policy for key, policy in self._policies.items() if key != site}
        await self.apply()

    def _node_changed(self, node_id: str) -> None:
        node = self._roster.get(node_id)
        if node is None:
            self._sites.pop(node_id, None)
        elif self._sites.get(node_id) != node.site:
            self._changed.set()


def _read(connection: Connection) -> dict[str, LinkPolicy]:
    return {row.site: LinkPolicy.model_validate_json(row.policy) for row in connection.execute(select(link_policies))}
