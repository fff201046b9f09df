"""The heads of a model in its process: how they are taught there, and what each found in a picture."""

from collections.abc import Iterable, Sequence

from appliance.analysis.engine.declaration import HeadOf, ModelOf, StageOf
from appliance.analysis.engine.frame import Dropped
from appliance.analysis.engine.host import LOAD_WITHIN_S, LOOK_WITHIN_S, Host, ModelFails
from appliance.analysis.engine.looking import Aim, Ledger, Said, detection_of, grey, look
from appliance.analysis.engine.wire import Open, Places, Row, Teach, unpacked
from appliance.analysis.finding import Area, Found, Picture
from appliance.analysis.preprocessing import crop
from federation.messages import Detection


def aim_at(model: ModelOf, heads: Iterable[HeadOf]) -> Aim:
    """Return what is asked when these heads of a model are."""
    asked = {head.id: "" if head.branch is None else head.branch.network for head in heads}
    return Aim(network=model.network, input=model.input, heads=asked)


def teach(host: Host, model: ModelOf, head: HeadOf) -> None:
    """Let the process know one more head, and try it on a grey picture; raise ModelFails or HostLost."""
    branch = head.branch
    taught = Teach(
        network=model.network,
        head=head.id,
        output=head.output,
        labels=head.labels,
        branch="" if branch is None else branch.network,
        memory_bytes=host.allowed_bytes,
    )
    host.ask(taught, model=b"" if branch is None else branch.content(), within_s=LOAD_WITHIN_S)
    said = look(host, aim_at(model, [head]), [grey(model.input)], Ledger(), within_s=LOAD_WITHIN_S)[head.id]
    if isinstance(said, ModelFails):
        raise said
    for stage in head.stages:
        _teach_stage(host, stage)


def found_by(
    host: Host, head: HeadOf, picture: Picture, said: Said | ModelFails, index: int, *, ledger: Ledger
) -> Found | Dropped:
    """Return what a head found in the picture of this index, or its own fault; raise HostLost."""
    if isinstance(said, ModelFails):
        return failed(said)
    try:
        return _with_stages(host, head, picture, said[index], ledger)
    except ModelFails as error:
        return failed(error)


def failed(error: ModelFails) -> Dropped:
    """Return what is said of a frame at which a model failed."""
    code = "package_unusable" if error.code == "bad_output" else f"model_{error.code}"
    return Dropped(reason="failed", detail=f"{code}: {error}")


def _with_stages(
    host: Host, head: HeadOf, picture: Picture, said: tuple[Sequence[Row], Sequence[Places]], ledger: Ledger
) -> Found:
    """Return what a head found; what a second model says of a thing is where that thing is."""
    rows, places = said
    first = [detection_of(row, head.labels) for row in rows]
    masks = {index: unpacked(bits) for index, bits in places if index < len(first)}
    things = list(enumerate(first))
    for stage in head.stages:
        chosen = [(index, item) for index, item in enumerate(first) if item.label in stage.on][: stage.most]
        crops = [crop(picture, item.box, stage.margin) for _, item in chosen]
        found = _staged(host, stage, crops, ledger) if crops else []
        things += [
            (index, Detection(label=stage.labels[row[5]], score=min(round(row[4], 4), item.score), box=item.box))
            for (index, item), (told, _) in zip(chosen, found, strict=True)
            for row in told
        ]
    return Found(
        detections=tuple(item for _, item in things),
        areas=tuple(
            Area(label=item.label, score=item.score, mask=masks[index]) for index, item in things if index in masks
        ),
    )


def _staged(
    host: Host, stage: StageOf, crops: Sequence[Picture], ledger: Ledger, *, within_s: float = LOOK_WITHIN_S
) -> Said:
    aim = Aim(network=stage.network, input=stage.input, heads={stage.head: ""})
    found = look(host, aim, crops, ledger, within_s=within_s)[stage.head]
    if isinstance(found, ModelFails):
        raise found
    return found


def _teach_stage(host: Host, stage: StageOf) -> None:
    host.ask(Open(network=stage.network, input=stage.input), model=stage.content(), within_s=LOAD_WITHIN_S)
    taught = Teach(
        network=stage.network,
        head=stage.head,
        output=stage.output,
        labels=stage.labels,
        memory_bytes=host.allowed_bytes,
    )
    host.ask(taught)
    _staged(host, stage, [grey(stage.input)], Ledger(), within_s=LOAD_WITHIN_S)
