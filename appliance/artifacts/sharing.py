"""What neighbours may fetch from this box: chunks, by digest, of artifacts that it holds or is getting."""

import asyncio

from aiohttp import web

from appliance.artifacts.holdings import Holdings, Offer
from appliance.artifacts.neighbours import PATH
from appliance.artifacts.pacing import Pacing
from federation.artifacts import Served, send_artifact
from federation.http import Access, Call, Problem, Routes
from federation.http.problem import not_found
from federation.messages import Digest

MOST_AT_ONCE = 4
A_PEER = Access()
OCTETS = "application/octet-stream"


def sharing_routes(holdings: Holdings, pacing: Pacing) -> Routes:
    """Return the operations for boxes of the same hub: one transfer for each, together what `pacing` lets pass."""
    part = Routes(tag="neighbours")
    served: set[str] = set()

    @part.get(PATH + "/{digest}/held", access=A_PEER, produces=OCTETS)
    async def get_held(digest: Digest) -> web.StreamResponse:
        """Tell which chunks of an artifact are here: a bit each, chunk 0 the highest bit of the first byte."""
        return web.Response(body=(await _offer(holdings, digest)).bitmap.bits, content_type=OCTETS)

    @part.get(PATH + "/{digest}/manifest", access=A_PEER, produces=OCTETS)
    async def get_manifest(digest: Digest) -> web.StreamResponse:
        """Give the manifest of an artifact as it came, signed by the hub."""
        signed = await asyncio.to_thread(holdings.signed, digest)
        if signed is None:
            raise not_found("artifact", digest)
        return web.Response(body=signed.content, content_type=OCTETS)

    @part.get(PATH + "/{digest}", access=A_PEER, produces=OCTETS)
    async def get_chunk(call: Call, digest: Digest) -> web.StreamResponse:
        """Give one range of bytes out of chunks that are here."""
        peer = call.principal.id
        if peer in served:
            raise Problem(503, "one_at_a_time", "This box serves you already; a neighbour gets one transfer at a time.")
        if len(served) >= MOST_AT_ONCE:
            raise Problem(503, "busy", "This box serves as many neighbours as it can; ask another.")
        served.add(peer)
        try:
            offer = await _offer(holdings, digest)
            stored = Served(path=offer.path, digest=digest, size_bytes=offer.manifest.size_bytes)
            return await send_artifact(call.request, stored, pace=pacing.take, holds=offer.covers)
        finally:
            served.discard(peer)

    return part


async def _offer(holdings: Holdings, digest: str) -> Offer:
    offer = await asyncio.to_thread(holdings.offer, digest)
    if offer is None:
        raise not_found("artifact", digest)
    return offer
