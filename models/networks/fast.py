"""A single-shot detector that learns in few passes: dense convolutions on one map of 8 x 8 pixels a cell.

The first convolution makes one cell of a square of 4 x 4 pixels (as in arXiv:2010.11929), so that no layer works on all
122,400 pixels, most of which are empty. Residual blocks (arXiv:1512.03385) follow on a map of half
the cells. Each cell has one default box and predicts a jet of each class for it, with a probability of its own: a box
may hold a t and its V.
"""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.networks.config import Model
from models.networks.default_boxes import Axis, on_map
from models.networks.layers import Block, Convolution, Head, Prediction, wrapped

COORDINATES = 2
# Pixels along each side of a cell that the first layer sees.
SQUARE = 4


class Filled(nn.Module):
    """Continues an image until squares of 4 x 4 pixels fill it: zeros in eta, in phi zeros or the other side.

    Attributes:
        eta, phi: the squares.
    """

    def __init__(self, image_shape: tuple[int, int], *, circular: bool) -> None:
        super().__init__()
        self.circular = circular
        self.missing = [-pixels % SQUARE for pixels in image_shape]
        self.eta, self.phi = (Axis(-(-pixels // SQUARE), float(SQUARE), SQUARE / 2) for pixels in image_shape)

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, n_eta, n_phi) to at most three pixels more in each."""
        eta, phi = self.missing
        if phi:
            x = wrapped(x, 0, phi) if self.circular else F.pad(x, (0, phi))
        return F.pad(x, (0, 0, 0, eta)) if eta else x


class Residual(nn.Module):
    """Two convolutions, and what goes in added to what comes out (arXiv:1512.03385, figure 2)."""

    def __init__(self, channels: int, inside: int, *, circular: bool) -> None:
        super().__init__()
        # Where a quantized network rounds what goes in, once for both ways.
        self.entry: nn.Module = nn.Identity()
        self.inner = _layer(channels, inside, 3, circular=circular)
        self.outer = _layer(inside, channels, 3, circular=circular, activation=nn.Identity())
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(images, channels, eta, phi) to the same."""
        x = self.entry(x)
        result: Tensor = self.activation(x + self.outer(self.inner(x)))
        return result


class FastSSD(nn.Module):
    """The network.

    Attributes:
        default_boxes: float32 (default boxes, 4), pixels.
        coordinates: offsets that it predicts: boxes have a fixed size.
    """

    default_boxes: Tensor
    coordinates = COORDINATES
    # Cells of the first map along each side of a cell of the second.
    step = 2

    def __init__(self, config: Model) -> None:
        super().__init__()
        circular = config.circular
        first, second, trunk, *inside, last = config.all_channels
        self.filled = Filled(config.image_shape, circular=circular)
        self.stages = nn.Sequential(
            _layer(config.input_channels, first, SQUARE, circular=circular, stride=SQUARE),
            _layer(first, second, 3, circular=circular),
            _layer(second, trunk, 3, circular=circular, stride=self.step),
            *(Residual(trunk, channels, circular=circular) for channels in inside),
            _layer(trunk, last, 3, circular=circular),
        )
        head = Head(
            last,
            1,
            len(config.class_names),
            COORDINATES,
            pt=True,
            bias=True,
            circular=circular,
            per_class=True,
            kernel=1,
        )
        self.heads = nn.ModuleList([head])
        eta, phi = (
            Axis(-(-axis.cells // self.step), self.step * axis.stride, axis.first)
            for axis in (self.filled.eta, self.filled.phi)
        )
        boxes = on_map(eta, phi, [config.box_size], config.image_shape[1])
        self.register_buffer("default_boxes", boxes, persistent=False)
        self.apply(_initialised)
        head.expect_few()

    def forward(self, x: Tensor) -> Prediction:
        """(images, channels, n_eta, n_phi) to predictions for `default_boxes`."""
        prediction: Prediction = self.heads[0](self.stages(self.filled(x)))
        return prediction

    def for_inference(self) -> "FastSSD":
        """Nothing is left out."""
        return self.eval()


def _layer(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    circular: bool,
    stride: int = 1,
    activation: nn.Module | None = None,
) -> Block:
    layers = OrderedDict[str, nn.Module](
        convolution=Convolution(inputs, outputs, kernel, circular=circular, stride=stride),
        convolution_norm=nn.BatchNorm2d(outputs),
        convolution_activation=nn.ReLU() if activation is None else activation,
    )
    return Block("convolution", **layers)


def _initialised(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, Residual):
        # A block begins as the identity (arXiv:1706.02677, section 5.1); its own layers are initialised before it.
        nn.init.zeros_(module.outer.norm.weight)
