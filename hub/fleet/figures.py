"""Figures of the fleet for Prometheus."""

from collections import Counter

from federation.http.live_feed import LiveFeed
from hub.fleet.admittance import NodeAuthenticator
from hub.fleet.claiming import Claiming
from hub.fleet.joining import Joining
from hub.fleet.link import Link
from hub.fleet.liveness import Condition
from hub.fleet.roster import Roster
from hub.fleet.watching import Watch
from hub.metrics import Figure


def fleet_figures(
    *,
    roster: Roster,
    link: Link,
    watch: Watch,
    authenticator: NodeAuthenticator,
    refusals: Counter[str],
    joining: Joining,
    claiming: Claiming,
    live: LiveFeed,
) -> list[Figure]:
    """Return how many nodes there are, how the link to the broker is, who was turned away, and who looks on."""
    nodes, turned_away = roster.all(), authenticator.refused
    return [
        Figure(name="nodes", help="Enrolled nodes", value=len(nodes)),
        Figure(name="nodes_online", help="Nodes that are online", value=sum(node.online for node in nodes)),
        Figure(
            name="nodes_dead",
            help="Nodes that a witness or an operator holds for dead",
            value=sum(node.life.condition is Condition.DEAD for node in nodes),
        ),
        Figure(
            name="testimonies_unasked",
            help="Answers of witnesses that nobody had asked",
            value=watch.witnesses.unasked,
            counter=True,
        ),
        Figure(name="link_up", help="1 while the broker is connected", value=float(link.connected)),
        Figure(name="messages_received", help="MQTT messages received", value=link.received, counter=True),
        Figure(name="messages_malformed", help="MQTT messages ignored", value=link.malformed, counter=True),
        *(
            Figure(
                name="messages_refused",
                help="MQTT messages ignored, by the reason why",
                value=count,
                labels={"reason": reason},
                counter=True,
            )
            for reason, count in sorted(link.reasons.items())
        ),
        Figure(name="messages_failed", help="MQTT messages that a part failed on", value=link.failed, counter=True),
        Figure(name="messages_dropped", help="MQTT messages without room", value=link.dropped, counter=True),
        Figure(name="joining_refused", help="Enrolments and renewals refused", value=joining.refused, counter=True),
        Figure(name="claims_failed", help="Claims of boxes that failed", value=claiming.failed, counter=True),
        Figure(name="node_requests_refused", help="Requests by refused nodes", value=turned_away, counter=True),
        *(
            Figure(
                name="node_problems",
                help="Requests at the port for nodes that were refused, by the code of their problem",
                value=count,
                labels={"code": code},
                counter=True,
            )
            for code, count in sorted(refusals.items())
        ),
        Figure(name="live_viewers", help="Open portal pages", value=live.viewers),
        Figure(name="live_dropped", help="Notices lost by slow pages", value=live.dropped, counter=True),
    ]
