"""A model that sees nothing: where it runs, others do."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.engine.graphs import model_of
from federation.packages.manifest import ModelInput

TRIAL_INPUT = ModelInput(tensor="pictures", size=(32, 32))


def trial_model() -> bytes:
    """Return a model of a convolution and a product of matrices: it brings in every library that models need."""
    width, height = TRIAL_INPUT.size
    nodes = [
        helper.make_node("Conv", ["pictures", "kernel"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
        helper.make_node("Flatten", ["means"], ["rows"]),
        helper.make_node("MatMul", ["rows", "product"], ["o"]),
    ]
    weights = [
        numpy_helper.from_array(np.full((8, 3, 3, 3), 0.1, np.float32), "kernel"),
        numpy_helper.from_array(np.full((8, 8), 0.1, np.float32), "product"),
    ]
    pictures = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, height, width])
    found = helper.make_tensor_value_info("o", TensorProto.FLOAT, ["n", 8])
    return model_of(nodes, [pictures], [found], weights)
