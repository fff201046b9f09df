"""Routes of file exchange."""

from federation.http import Access, Call, Routes
from federation.messages import Slug
from hub.exchange.admission import Admission
from hub.exchange.model import (
    ExchangeState,
    JoinAnswered,
    JoinDecision,
    JoinPreview,
    JoinText,
    Reconciled,
    ReportFile,
    ReportText,
)
from hub.exchange.service import Exchange
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ


def routes(exchange: Exchange, admission: Admission) -> Routes:
    """Return the operations on file exchange."""
    part = Routes(tag="exchange")

    @part.get("/api/v1/exchange", access=Access(permission=READ))
    async def get_exchange() -> ExchangeState:
        """Say how file exchange stands, node by node."""
        return await exchange.state()

    @part.post("/api/v1/exchange/preview", access=Access(permission=OPERATE))
    async def preview_exchange_request(body: JoinText) -> JoinPreview:
        """Read the file by which a box asks to be let in; nothing is changed."""
        return admission.preview(body.request)

    @part.post("/api/v1/exchange/nodes", access=Access(permission=OPERATE), status=201)
    async def admit_exchange_node(call: Call, body: JoinDecision) -> JoinAnswered:
        """Let a box in that only files reach; the answer is a file to carry to it."""
        return await admission.admit(body, Actor.of(call))

    @part.get("/api/v1/exchange/nodes/{node_id}/report", access=Access(permission=READ))
    async def get_exchange_report(node_id: Slug) -> ReportFile:
        """Give what this hub has of a node, signed, to carry to the node."""
        return await exchange.reconciliation.signed(node_id)

    @part.post("/api/v1/exchange/nodes/{node_id}/reconciliation", access=Access(permission=OPERATE))
    async def read_exchange_report(node_id: Slug, body: ReportText) -> Reconciled:
        """Hold a node's report, which was carried here, against what this hub has."""
        return await exchange.reconciliation.read(node_id, body.report)

    return part
