"""What a model's output tensors mean: the post-processing of a manifest, declared and not coded.

Shapes are those of one picture, with a leading axis of 1 that may be absent: `n` places or boxes, `k` labels.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from federation.packages.texts import ManifestPart

Tensor = Annotated[str, Field(min_length=1, max_length=128)]
Confidence = Annotated[float, Field(gt=0, lt=1)]
BoxForm = Literal["cxcywh", "xyxy"]
Activation = Literal["none", "sigmoid", "softmax"]
RowField = Literal["x1", "y1", "x2", "y2", "score", "cls", "other"]


class Nms(ManifestPart):
    """Removal of boxes that show the same thing."""

    iou: float = Field(default=0.45, gt=0, lt=1)
    per_class: bool = True


class Keypoints(ManifestPart):
    """What follows the label scores of a pose model: `count` times x, y in px and, with `scored`, a score."""

    count: int = Field(ge=1, le=256)
    scored: bool = True


class DenseOutput(ManifestPart):
    """One tensor with a prediction per place: box, objectness if any, a score per label, mask weights or keypoints.

    YOLOv5, v7 and YOLOX: (n, 5 + k) with objectness; YOLOv8, v9, v11 and v12: (4 + k, n) with channels first.
    """

    decoder: Literal["dense"]
    tensor: Tensor
    channels_first: bool = Field(default=False, description="(1, channels, places) instead of (1, places, channels)")
    box: BoxForm = "cxcywh"
    objectness: bool = Field(default=False, description="a score before the labels', to be multiplied with them")
    grid: tuple[Annotated[int, Field(ge=1, le=256)], ...] | None = Field(
        default=None, description="strides of a raw YOLOX grid: xy = (p + cell) * stride, wh = exp(p) * stride"
    )
    activation: Literal["none", "sigmoid"] = "none"
    normalised: bool = Field(default=False, description="boxes are shares of the input instead of px")
    conf: Confidence = Field(default=0.25, description="weaker predictions are not looked at")
    nms: Nms | None = Nms()
    protos: Tensor | None = Field(
        default=None, description="tensor (m, height, width) of mask prototypes; m weights follow the label scores"
    )
    keypoints: Keypoints | None = None

    @model_validator(mode="after")
    def _one_kind_of_extras(self) -> Self:
        if self.protos is not None and self.keypoints is not None:
            msg = "protos and keypoints exclude one another"
            raise ValueError(msg)
        return self


class RowsOutput(ManifestPart):
    """One tensor (n, fields) of finished detections: YOLOv10 and every export with its NMS inside."""

    decoder: Literal["rows"]
    tensor: Tensor
    fields: tuple[RowField, ...] = Field(
        default=("x1", "y1", "x2", "y2", "score", "cls"), min_length=6, max_length=16, description="what a row holds"
    )
    normalised: bool = False
    conf: Confidence = 0.25

    @model_validator(mode="after")
    def _every_field_once(self) -> Self:
        named = sorted(field for field in self.fields if field != "other")
        if named != ["cls", "score", "x1", "x2", "y1", "y2"]:
            msg = "fields must name x1, y1, x2, y2, score and cls once each"
            raise ValueError(msg)
        return self


class SplitOutput(ManifestPart):
    """Boxes (n, 4) beside scores (n,) and labels (n,), or beside logits (n, k): DETR, RT-DETR, D-FINE, YOLO-NAS."""

    decoder: Literal["split"]
    boxes: Tensor
    scores: Tensor | None = None
    labels: Tensor | None = None
    logits: Tensor | None = None
    box: BoxForm = "xyxy"
    normalised: bool = False
    activation: Activation = Field(default="none", description="of the logits")
    background: Literal["none", "first", "last"] = Field(
        default="none", description="where the logits have a column that means nothing is here"
    )
    conf: Confidence = 0.25
    nms: Nms | None = None

    @model_validator(mode="after")
    def _scores_or_logits(self) -> Self:
        finished = self.scores is not None and self.labels is not None
        if finished == (self.logits is not None) or (self.scores is None) != (self.labels is None):
            msg = "give scores and labels, or logits"
            raise ValueError(msg)
        return self


class PriorLevel(ManifestPart):
    """The prior boxes around every cell of one grid: each size in px with each ratio of width to height."""

    stride: int = Field(ge=1, le=512, description="px of the input from cell to cell")
    sizes: tuple[Annotated[float, Field(gt=0, le=4096)], ...] = Field(min_length=1, max_length=16)
    ratios: tuple[Annotated[float, Field(gt=0, le=16)], ...] = Field(default=(1.0,), min_length=1, max_length=16)


class PriorsOutput(ManifestPart):
    """SSD: box offsets (n, 4) and label logits (n, k) against prior boxes, from a tensor or made of levels.

    A prior is cx, cy, w, h in shares of the input; xy = prior_xy + p * v0 * prior_wh, wh = prior_wh * exp(p * v1).
    """

    decoder: Literal["priors"]
    boxes: Tensor
    logits: Tensor
    priors: Tensor | None = None
    levels: tuple[PriorLevel, ...] | None = Field(default=None, min_length=1, max_length=16)
    variances: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.1, 0.2)
    activation: Activation = "none"
    background: Literal["none", "first", "last"] = "first"
    conf: Confidence = 0.25
    nms: Nms | None = Nms()

    @model_validator(mode="after")
    def _priors_from_one_place(self) -> Self:
        if (self.priors is None) == (self.levels is None):
            msg = "give priors (a tensor) or levels (how they are made)"
            raise ValueError(msg)
        return self


class ClassOutput(ManifestPart):
    """A classifier's scores (k,): exactly one label holds for the picture."""

    decoder: Literal["class"]
    tensor: Tensor
    activation: Literal["none", "softmax"] = "softmax"
    conf: Confidence = 0.25


class MultilabelOutput(ManifestPart):
    """Scores (k,) of attributes: any number of labels hold for the picture."""

    decoder: Literal["multilabel"]
    tensor: Tensor
    activation: Literal["none", "sigmoid"] = "sigmoid"
    conf: Confidence = 0.5


class SemanticOutput(ManifestPart):
    """A label for every place: scores (k, height, width), one score (1, height, width), or labels (height, width)."""

    decoder: Literal["semantic"]
    tensor: Tensor
    activation: Activation = "softmax"
    background: int | None = Field(default=None, ge=0, description="the label that means nothing is here")
    conf: Confidence = Field(default=0.5, description="places with a weaker score have no label")
    min_share: float = Field(default=0.005, gt=0, le=1, description="least share of the picture that a label covers")


class EmbeddingOutput(ManifestPart):
    """A vector (d,) that is near to those of similar pictures; it is brought to length 1."""

    decoder: Literal["embedding"]
    tensor: Tensor


class CtcOutput(ManifestPart):
    """Text, read step by step: scores (steps, 1 + characters). The labels of the manifest are the characters."""

    decoder: Literal["ctc"]
    tensor: Tensor
    blank: Literal["first", "last"] = "first"
    activation: Literal["none", "softmax"] = "none"


BoxesOutput = DenseOutput | RowsOutput | SplitOutput | PriorsOutput
LabelsOutput = ClassOutput | MultilabelOutput
ModelOutput = Annotated[
    BoxesOutput | LabelsOutput | SemanticOutput | EmbeddingOutput | CtcOutput, Field(discriminator="decoder")
]


def tensors_of(output: ModelOutput) -> tuple[str, ...]:
    """Return the names of the model's outputs that the decoder reads."""
    fields = ("tensor", "protos", "boxes", "scores", "labels", "logits", "priors")
    names = (getattr(output, field, None) for field in fields)
    return tuple(name for name in names if name is not None)
