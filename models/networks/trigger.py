"""A detector small enough for an FPGA of a trigger, in numbers of eight bits from the first training step on.

The host prepares the image (`TriggerSSD.prepared`), the circuit computes the convolutions (`TriggerSSD.circuit`), and
the host arranges what comes out. On the host:

1. The energy of 4 x 4 pixels is summed: 85 x 90 cells of an image of 340 x 360 pixels.
2. ln(1 + E / GeV), which eight bits hold up to 8 PeV in steps of 6 %.
3. Cells of the other side are added beyond both borders in phi, as many as the network sees from a cell: the circuit
   knows no cylinder. The outer cells of its maps are dropped again, so that phi goes round exactly.

The circuit has no batch norm: its weights would have to be folded and rounded again.
"""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from jetimg.common.errors import DataError
from models.networks.config import Model
from models.networks.default_boxes import Axis, on_map
from models.networks.fixed_point import FEATURE, Rounded, RoundedConvolution
from models.networks.layers import RARE, Prediction, wrapped

COORDINATES = 2
# Pixels of a cell of the circuit's image along each side, and cells of that image of one behind the pooling.
SQUARE, POOLED = 4, 2


class Circuit(nn.Module):
    """What an FPGA computes: convolutions of 3 x 3, ReLU, one pooling, and two convolutions whose outputs leave it."""

    def __init__(self, inputs: int, channels: tuple[int, ...], outputs: tuple[int, int]) -> None:
        """A circuit.

        Args:
            inputs: channels of the image.
            channels: of each layer; the pooling is behind the first.
            outputs: numbers of a cell, of the first and of the second head.
        """
        super().__init__()
        self.image = Rounded(FEATURE)
        layers: list[tuple[str, nn.Module]] = []
        for number, width in enumerate(channels):
            layers.append((f"convolution{number}", RoundedConvolution(inputs, width)))
            layers += [(f"relu{number}", nn.ReLU()), (f"rounding{number}", Rounded(FEATURE))]
            if number == 0:
                layers.append(("pool", nn.MaxPool2d(POOLED)))
            inputs = width
        self.layers = nn.Sequential(OrderedDict[str, nn.Module](layers))
        self.logits, self.jets = (RoundedConvolution(inputs, width) for width in outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(images, inputs, eta, phi) to two maps of half the cells, (images, outputs, eta / 2, phi / 2)."""
        x = self.layers(self.image(x))
        return self.logits(x), self.jets(x)


class TriggerSSD(nn.Module):
    """The network, on host and circuit.

    Attributes:
        circuit: what an FPGA computes.
        default_boxes: float32 (default boxes, 4), pixels.
        coordinates: offsets that it predicts: boxes have a fixed size.
    """

    default_boxes: Tensor
    coordinates = COORDINATES

    def __init__(self, config: Model) -> None:
        """A network.

        Args:
            config: with the data set's classes, images and boxes.

        Raises:
            DataError: where phi goes round: pixels that do not make whole cells, or fewer than the network sees.
        """
        super().__init__()
        n_eta, n_phi = config.image_shape
        # What a cell of the last map sees: a cell for each convolution there, and one cell of the image more.
        self.edge = len(config.all_channels) + 1 if config.circular else 0
        _check(n_phi, self.edge)
        self.logarithmic, self.n_classes = config.normalisation == "log", len(config.class_names)
        eta, phi = (Axis(-(-pixels // SQUARE), float(SQUARE), SQUARE / 2) for pixels in (n_eta, n_phi))
        self.missing = [-pixels % SQUARE for pixels in (n_eta, n_phi)]
        jets = self.n_classes * (COORDINATES + 1)
        self.circuit = Circuit(config.input_channels, config.all_channels, (self.n_classes, jets))
        boxes = on_map(eta.pooled(0, 0), phi.pooled(0, 0), [config.box_size], n_phi)
        self.register_buffer("default_boxes", boxes, persistent=False)
        self.apply(_initialised)
        assert self.circuit.logits.bias is not None
        nn.init.constant_(self.circuit.logits.bias, math.log(RARE / (1 - RARE)))

    def forward(self, x: Tensor) -> Prediction:
        """(images, channels, n_eta, n_phi) to predictions for `default_boxes`."""
        return self.arranged(*self.circuit(self.prepared(x)))

    def prepared(self, x: Tensor) -> Tensor:
        """The circuit's image, float32 (images, channels, eta, phi), of (images, channels, n_eta, n_phi)."""
        # In bfloat16, a sum of 16 energies would lose some of them.
        with torch.autocast(x.device.type, enabled=False):
            energy = x.float().expm1() if self.logarithmic else x.float()
            energy = F.pad(energy, (0, self.missing[1], 0, self.missing[0]))
            # Not by `divisor_override`, which the ONNX exporter of torch 2.13 leaves out without a word.
            cells = (F.avg_pool2d(energy, SQUARE) * SQUARE**2).log1p()
            return wrapped(cells, POOLED * self.edge) if self.edge else cells

    def arranged(self, logits: Tensor, jets: Tensor) -> Prediction:
        """Predictions in the order of the default boxes, of the maps that the circuit gives."""
        images, inner = logits.shape[0], slice(self.edge, logits.shape[-1] - self.edge)
        logits, jets = (part[..., inner].permute(0, 2, 3, 1).flatten(1, 2) for part in (logits, jets))
        n_offsets = self.n_classes * COORDINATES
        offset, log_pt = jets[..., :n_offsets], jets[..., n_offsets:]
        return Prediction(offset.reshape(images, -1, self.n_classes, COORDINATES), logits, log_pt)

    def for_inference(self) -> "TriggerSSD":
        """Nothing is left out."""
        return self.eval()


def _check(n_phi: int, edge: int) -> None:
    if edge and n_phi % (SQUARE * POOLED):
        fault = f"are no multiple of {SQUARE * POOLED}"
    elif n_phi < SQUARE * POOLED * edge:
        fault = f"are narrower than the {SQUARE * POOLED * edge} that the network sees on each side"
    else:
        return
    raise DataError(f"architecture trigger: {n_phi} pixels in phi {fault}; circular: false, or another architecture")


def _initialised(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
