"""Whether a node may call: a decision over what the roster knows, and the callers of the port for nodes by it."""

from aiohttp import web

from federation.http import Principal, Problem
from federation.identity.certificate import read_certificate
from federation.identity.errors import KeyUnsuitable
from hub.fleet.roster import NodeRecord, Roster


def check_admitted(node: NodeRecord | None, fingerprint: str) -> None:
    """Raise Problem unless the node is known, by this key, and not revoked."""
    if node is None:
        raise Problem(403, "node_unknown", "No node of this name has joined this hub; let it in anew.")
    if node.revoked_at is not None:
        raise Problem(403, "node_revoked", "This node's certificates are revoked; let it in anew if that was wrong.")
    if node.key_fingerprint != fingerprint:
        raise Problem(403, "key_unknown", "The node of this name has another key; let it in anew.")


class NodeAuthenticator:
    """Implements `federation.http.Authenticator` for the port for nodes: a caller is whom its certificate names."""

    def __init__(self, roster: Roster) -> None:
        """Admit the nodes of `roster`."""
        self.refused = 0
        self._roster = roster

    async def authenticate(self, request: web.Request) -> Principal | None:
        """Return the node that calls, None without a certificate; raise Problem for one that is not admitted."""
        connection = request.get_extra_info("ssl_object")
        shown = None if connection is None else connection.getpeercert(binary_form=True)
        if shown is None:
            return None
        try:
            # TLS has checked who signed it, and its dates.
            facts = read_certificate(shown)
            check_admitted(self._roster.get(facts.name), facts.fingerprint)
        except KeyUnsuitable as error:
            self.refused += 1
            raise Problem(403, error.code, f"The certificate cannot be used: {error}.") from error
        except Problem:
            self.refused += 1
            raise
        return Principal(kind="node", id=facts.name, name=facts.name)
