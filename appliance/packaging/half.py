"""A model with numbers of 16 bits inside, which graphics cards compute faster and in half of the memory."""

import warnings
from collections.abc import Sequence

import cv2
import numpy as np
import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from appliance.analysis.detector import Detector
from appliance.packaging.errors import WrongCall
from appliance.packaging.expectations import unmet
from appliance.packaging.proofs import Proof
from federation.packages import Manifest


def halved(model: bytes, manifest: Manifest, proofs: Sequence[Proof]) -> bytes:
    """Return the model with 16 bits inside; its inputs and outputs stay as they are.

    Raises WrongCall if it cannot be turned, or then does not find in the samples what it found before.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of values too small for 16 bits; the samples decide
            half = convert_float_to_float16(onnx.load_model_from_string(model), keep_io_types=True)
        OnnxModel.graph_topological_sort(half.graph)
        content = bytes(half.SerializeToString())
        detector = Detector(manifest, content)
    except Exception as error:  # the converter and onnxruntime have errors of all kinds
        raise WrongCall(f"--half: the model does not run with 16 bits: {str(error).splitlines()[0][:160]}") from error
    for proof in proofs:
        picture = np.asarray(cv2.imdecode(np.frombuffer(proof.content, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        height, width = picture.shape[:2]
        fault = unmet(proof.sample, detector.detect(picture), manifest, size=(width, height))
        if fault is not None:
            raise WrongCall(f"--half: with 16 bits {fault}; leave it out")
    return content
