"""Outside algorithm systems at hand: what they offer, and what one of their algorithms sees in a picture."""

from contextlib import closing
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from appliance.analysis.finding import Picture
from appliance.analysis.outside.calling import Bound, Caller, Line
from appliance.analysis.outside.errors import FaultCode, OutsideFault
from federation.messages import Detection
from federation.packages import Manifest, Text
from federation.packages.description import AlgorithmId, Version
from federation.packages.endpoints import Auth, Endpoint

CRITERION_OF: dict[FaultCode, str] = {
    "away": "trial_failed",
    "refuses": "trial_failed",
    "unknown": "tensors_differ",
    "answer": "output_differs",
}
"""Which criterion a package of an outside system fails by a fault of the system."""


class OfferedEvent(BaseModel):
    """A kind of event that an algorithm of the system reports, and the labels that make it."""

    code: AlgorithmId
    name: Text
    labels: tuple[str, ...] = Field(min_length=1, max_length=1000)


class Offer(BaseModel):
    """An algorithm that the system offers."""

    id: AlgorithmId
    version: Version
    name: Text
    events: tuple[OfferedEvent, ...] = Field(min_length=1, max_length=1000)


class _Offers(BaseModel):
    algorithms: tuple[Offer, ...] = Field(max_length=1024)


def offers(
    url: str, *, auth: Auth | None = None, secret_file: Path | None = None, timeout_s: float = 10.0
) -> tuple[Offer, ...]:
    """Return what the system at `url` offers by protocol `http-v1`; raise OutsideFault."""
    with closing(Line(Bound(url=url, secret_file=secret_file), auth)) as line:
        answer = line.send("GET", "/algorithms", within_s=timeout_s)
    try:
        return _Offers.model_validate_json(answer.content).algorithms
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise OutsideFault("answer", f"the answer is not as agreed: {where}: {first['msg']}") from error


class Outside:
    """An algorithm as its package describes it, asked where its maker says that it is."""

    def __init__(self, manifest: Manifest, endpoint: Endpoint, secret_file: Path | None) -> None:
        """Prepare; nothing is sent yet."""
        self._line = Line(Bound(url=endpoint.url, secret_file=secret_file), endpoint.auth)
        self._caller = Caller(line=self._line, endpoint=endpoint, labels=manifest.labels)

    def close(self) -> None:
        """End the connections."""
        self._line.close()

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Return what the algorithm sees in a picture; raise OutsideFault."""
        return self._caller.ask(picture)
