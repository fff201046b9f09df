"""Places in a picture, in shares of its width and height, so that they hold at every resolution."""

from typing import Annotated

from pydantic import Field

from federation.messages.wire import WireModel

Share = Annotated[float, Field(ge=0.0, le=1.0)]

Polygon = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=64)]
"""3 to 64 corners (x, y), each from 0 to 1, origin at the top left."""


class Box(WireModel):
    """A rectangle: left, top, width and height as shares of the picture, 0 to 1."""

    x: Share
    y: Share
    width: Share
    height: Share
