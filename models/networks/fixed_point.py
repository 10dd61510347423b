"""Numbers of few bits with a fixed point, as circuits have them: trained with, and exact in float32.

A number of b bits with f of them after the point is a whole multiple of 2^-f. Sums of products of such numbers are
exact in float32 as long as they need no more than 24 bits, so that a circuit and PyTorch agree in every bit.
"""

from typing import NamedTuple

from torch import Tensor, nn

from models.networks.layers import Convolution


class Numbers(NamedTuple):
    """A kind of numbers.

    Attributes:
        bits: of a number, with its sign.
        fraction: of them, those after the point.
        signed: whether there are negative ones, as two's complement.
    """

    bits: int
    fraction: int
    signed: bool

    @property
    def step(self) -> float:
        """From one number to the next."""
        return float(2.0**-self.fraction)

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest number."""
        lowest = -(2 ** (self.bits - 1)) if self.signed else 0
        return lowest * self.step, (lowest + 2**self.bits - 1) * self.step


WEIGHT = Numbers(bits=8, fraction=7, signed=True)
BIAS = Numbers(bits=16, fraction=10, signed=True)
FEATURE = Numbers(bits=8, fraction=4, signed=False)


class Rounded(nn.Module):
    """Rounds to the nearest number of a kind, halves to even; what is beyond the limits becomes the last number.

    In training, gradients pass the rounding as if it were not there (arXiv:1308.3432), and end at the limits.
    """

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self.numbers = numbers

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same."""
        step = self.numbers.step
        inside = x.clamp(*self.numbers.limits)
        rounded = (inside / step).round() * step
        # Written so that the value is the rounded one exactly.
        return rounded.detach() + (inside - inside.detach()) if self.training else rounded


class RoundedConvolution(Convolution):
    """A convolution of 3 x 3 whose weights and biases are numbers of few bits; zeros beyond all borders."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, circular=False, bias=True)
        self.weights, self.biases = Rounded(WEIGHT), Rounded(BIAS)

    def forward(self, x: Tensor) -> Tensor:
        """(images, inputs, eta, phi) to (images, outputs, eta, phi)."""
        assert self.bias is not None
        result: Tensor = self._conv_forward(x, self.weights(self.weight), self.biases(self.bias))
        return result
