"""Pictures fetched from web addresses that an order names."""

from urllib.parse import urlsplit

import aiohttp

from appliance.capture import reach
from appliance.panel.models.footage import PICTURE_LIMIT_BYTES

WITHIN_S = 30.0


class NotFetched(Exception):
    """An address gave no picture; the text says why."""


async def fetch(session: aiohttp.ClientSession, url: str, *, to_this_box: bool) -> bytes:
    """Return what lies at an address, over a `reach.checked_session`; no redirect is followed. Raise NotFetched."""
    try:
        reach.check(urlsplit(url).hostname or "", to_this_box=to_this_box)
        async with session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status != 200:
                raise NotFetched(f"address_refuses: the address answers {answer.status}")
            return await _body(answer)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        forbidden = reach.forbidden_in(error)
        if forbidden is not None:
            raise NotFetched(f"forbidden_address: {forbidden}") from error
        raise NotFetched(f"address_unreachable: the address cannot be reached: {type(error).__name__}") from error


def name_of(url: str) -> str:
    """Return an address as people may see it: without a password or a query in it, 200 characters at most."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(1 << 18):
        content += chunk
        if len(content) > PICTURE_LIMIT_BYTES:
            raise NotFetched(f"too_large: it has more than {PICTURE_LIMIT_BYTES >> 20} MiB")
    return bytes(content)
