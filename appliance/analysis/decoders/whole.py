"""Models that speak of the whole picture: classifiers, attributes, areas, embeddings and read text."""

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders.activation import activated
from appliance.analysis.decoders.outcome import Areas, BadOutput, Embedding, Floats, LabelScores, Reading
from federation.packages.outputs import ClassOutput, CtcOutput, EmbeddingOutput, LabelsOutput, SemanticOutput

Tensor = NDArray[np.generic]


def decode_labels(tensor: Tensor, declared: LabelsOutput, *, labels: int) -> LabelScores:
    """Return the scores of a tensor (k,): one label at most of a classifier, any number of attributes."""
    values = np.asarray(tensor, np.float32).ravel()
    if len(values) != labels:
        raise BadOutput(f"{declared.tensor} has {len(values)} scores; there are {labels} labels")
    scores = activated(values, declared.activation)
    order = np.argsort(-scores, kind="stable")
    order = order[:1] if isinstance(declared, ClassOutput) else order
    return LabelScores(scores=scores, chosen=tuple(int(index) for index in order if scores[index] >= declared.conf))


def decode_semantic(tensor: Tensor, declared: SemanticOutput, *, labels: int) -> Areas:
    """Return the label of every place."""
    values = tensor[0] if tensor.ndim in {3, 4} and tensor.shape[0] == 1 else tensor
    if values.ndim == 2 and np.issubdtype(values.dtype, np.integer):
        found, scores = values.astype(np.int64), np.ones(values.shape, np.float32)
    elif values.ndim == 2 and labels == 1:
        scores = activated(np.asarray(values, np.float32)[None], declared.activation, axis=0)[0]
        found = np.zeros(scores.shape, np.int64)
    elif values.ndim == 3 and len(values) == labels:
        shares = activated(np.asarray(values, np.float32), declared.activation, axis=0)
        found, scores = shares.argmax(axis=0), shares.max(axis=0)
    else:
        text = f"{declared.tensor} has the shape {list(tensor.shape)}; ({labels}, height, width) or labels are needed"
        raise BadOutput(text)
    with np.errstate(invalid="ignore"):
        none = ~(scores >= declared.conf) | (found < 0) | (found >= labels)
    if declared.background is not None:
        none |= found == declared.background
    return Areas(labels=np.where(none, -1, found), scores=np.where(none, 0, scores).astype(np.float32))


def decode_embedding(tensor: Tensor, declared: EmbeddingOutput) -> Embedding:
    """Return the vector at length 1; raise BadOutput for one that has no direction."""
    vector = np.asarray(tensor, np.float32).ravel()
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise BadOutput(f"{declared.tensor} has no direction: its length is {length}")
    return Embedding(vector=vector / np.float32(length))


def decode_ctc(tensor: Tensor, declared: CtcOutput, *, labels: tuple[str, ...]) -> Reading:
    """Return the text of scores (steps, 1 + characters): the best of every step, repeats and blanks left out."""
    values = np.asarray(tensor, np.float32)
    axes = tuple(axis for axis, length in enumerate(values.shape[:-1]) if length == 1 and values.ndim > 2)
    values = values.squeeze(axes[0]) if axes else values
    if values.ndim != 2 or values.shape[1] != len(labels) + 1:
        text = f"{declared.tensor} has the shape {list(tensor.shape)}; (steps, {len(labels) + 1}) is needed"
        raise BadOutput(text)
    return _read(activated(values, declared.activation), declared, labels)


def _read(scores: Floats, declared: CtcOutput, labels: tuple[str, ...]) -> Reading:
    best, strength = scores.argmax(axis=1), scores.max(axis=1)
    blank = 0 if declared.blank == "first" else len(labels)
    new = np.concatenate([[True], best[1:] != best[:-1]]) & (best != blank)
    characters = best[new] - (declared.blank == "first")
    text = "".join(labels[index] for index in characters)
    return Reading(text=text, score=float(strength[new].mean()) if text else 0.0)
