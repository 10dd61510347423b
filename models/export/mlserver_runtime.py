"""What MLServer runs: an ONNX file of `jetimg models export --format triton`.

MLServer lives in an environment of its own, without jetimg and torch: `jetimg models serve` lays a copy of this file
beside the model, and nothing of the project is imported here.
"""

from typing import Any

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor


class OnnxModel(MLModel):  # type: ignore[misc]
    """A model whose inputs and outputs are those of its ONNX file."""

    session: Any

    async def load(self) -> bool:
        """Opens the file and says what it takes and gives."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(self.settings.parameters.extra["threads"])
        options.log_severity_level = 3
        uri = self.settings.parameters.uri
        self.session = onnxruntime.InferenceSession(uri, options, providers=onnxruntime.get_available_providers())
        self.inputs = [_described(one) for one in self.session.get_inputs()]
        self.outputs = [_described(one) for one in self.session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Computes the images of one request."""
        arrays = {one.name: NumpyCodec.decode_input(one) for one in payload.inputs}
        names = [one.name for one in self.session.get_outputs()]
        found = self.session.run(names, {name: np.ascontiguousarray(array) for name, array in arrays.items()})
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output(name, array) for name, array in zip(names, found, strict=True)],
        )


def _described(one: Any) -> MetadataTensor:
    """A tensor as the protocol names it; -1 for any number of images."""
    kinds = {"tensor(float)": "FP32", "tensor(int64)": "INT64"}
    shape = [size if isinstance(size, int) else -1 for size in one.shape]
    return MetadataTensor(name=one.name, datatype=kinds[one.type], shape=shape)
