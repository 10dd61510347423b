"""A circuit as QONNX: an ONNX graph that says how weights and features are rounded (arXiv:2206.07527).

Each rounding is a `Quant` node with its number of bits and a step that is a power of two; hls4ml makes fixed-point
numbers of such nodes.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from models.export.graph import silence
from models.networks.fixed_point import Numbers, Rounded
from models.networks.trigger import Circuit

QUANT = "qonnx.custom_op.general::Quant"
# Of ONNX: the newest that qonnx 1.0 and hls4ml 1.3 read.
OPSET = 18
INPUT, OUTPUTS = "image", ("logits", "jets")


class Named(nn.Module):
    """A rounding as a node; for a graph only."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self.numbers = numbers

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        numbers = (self.numbers.step, 0.0, float(self.numbers.bits))
        attributes: dict[str, Any] = {"signed": int(self.numbers.signed), "narrow": 0, "rounding_mode": "ROUND"}
        inputs = (x, *map(torch.tensor, numbers))
        return torch.onnx.ops.symbolic(QUANT, inputs, attrs=attributes, dtype=torch.float32, shape=x.shape, version=1)


def to_qonnx(circuit: Circuit, shape: tuple[int, int, int]) -> Any:
    """The graph of a circuit for one image, channels last, as `qonnx.core.modelwrapper.ModelWrapper`.

    Args:
        circuit: in evaluation mode; it is not changed.
        shape: of its image: channels, eta, phi.
    """
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.channels_last import ConvertToChannelsLastAndClean
    from qonnx.util.cleanup import cleanup_model

    named = copy.deepcopy(circuit)
    for name, module in list(named.named_modules()):
        if isinstance(module, Rounded):
            named.set_submodule(name, Named(module.numbers))
    with silence():
        program = torch.onnx.export(
            named,
            (torch.zeros(1, *shape),),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            optimize=False,
            verbose=False,
        )
        assert program is not None
        model = cleanup_model(ModelWrapper(program.model_proto))
        model = model.transform(ConvertToChannelsLastAndClean(make_input_channels_last=True))
        _leave_channels_last(model)
        return cleanup_model(model)


def _leave_channels_last(model: Any) -> None:
    """Removes the transposition before each output: hls4ml streams a cell's channels together, and knows no other."""
    for output in model.graph.output:
        transposed = model.find_producer(output.name)
        assert transposed.op_type == "Transpose"
        before = transposed.input[0]
        shape = model.get_tensor_shape(before)
        model.graph.node.remove(transposed)
        model.find_producer(before).output[0] = output.name
        model.set_tensor_shape(output.name, shape)
