"""From a model's output tensors to what it saw, by the decoder that the manifest declares.

Pure functions over numpy arrays: nothing here knows a model, only families of output layouts.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from appliance.analysis.decoders.dense import decode_dense
from appliance.analysis.decoders.finished import decode_rows, decode_split
from appliance.analysis.decoders.outcome import Areas, BadOutput, Boxes, Embedding, LabelScores, Outcome, Reading
from appliance.analysis.decoders.priors import decode_priors
from appliance.analysis.decoders.whole import decode_ctc, decode_embedding, decode_labels, decode_semantic
from federation.packages import outputs

__all__ = ["Areas", "BadOutput", "Boxes", "Embedding", "LabelScores", "Outcome", "Reading", "decode", "decode_boxes"]


def decode(
    tensors: Mapping[str, NDArray[np.generic]],
    declared: outputs.ModelOutput,
    *,
    size: tuple[int, int],
    labels: tuple[str, ...],
) -> Outcome:
    """Return what one picture's output tensors say; `size` is the input's width and height in px.

    Raises BadOutput when the tensors are not of the declared layout.
    """
    match declared:
        case outputs.ClassOutput() | outputs.MultilabelOutput():
            return decode_labels(tensors[declared.tensor], declared, labels=len(labels))
        case outputs.SemanticOutput():
            return decode_semantic(tensors[declared.tensor], declared, labels=len(labels))
        case outputs.EmbeddingOutput():
            return decode_embedding(tensors[declared.tensor], declared)
        case outputs.CtcOutput():
            return decode_ctc(tensors[declared.tensor], declared, labels=labels)
        case _:
            return decode_boxes(tensors, declared, size=size, labels=len(labels))


def decode_boxes(
    tensors: Mapping[str, NDArray[np.generic]], declared: outputs.BoxesOutput, *, size: tuple[int, int], labels: int
) -> Boxes:
    """Return the boxes of a detector that tells `labels` classes apart, strongest first; raise BadOutput."""
    match declared:
        case outputs.DenseOutput():
            return decode_dense(tensors, declared, size=size, labels=labels)
        case outputs.RowsOutput():
            return decode_rows(tensors, declared, size=size, labels=labels)
        case outputs.SplitOutput():
            return decode_split(tensors, declared, size=size, labels=labels)
        case outputs.PriorsOutput():
            return decode_priors(tensors, declared, size=size, labels=labels)
