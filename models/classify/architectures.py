"""The networks: five small ones, each for one view of an example."""

from torch import Tensor, nn

from models.classify.config import Classifier, Network
from models.classify.inputs import HIT, SHAPES
from models.networks.layers import Convolution


def build(classifier: Classifier, shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    """A network with random weights.

    Args:
        classifier: its configuration.
        shape: channels, rows and columns of the window.
        n_classes: numbers that come out, before the softmax.
    """
    network, pool = classifier.network, classifier.task.pool
    channels, height, width = shape[0], shape[1] // pool, shape[2] // pool
    match network.architecture:
        case "mlp":
            return mlp(network.hidden, n_classes)
        case "cnn":
            return cnn(channels, height, width, n_classes)
        case "resnet":
            return ResNet(channels, network.channels, n_classes, circular=classifier.task.window == (0, 0))
        case _:
            return Recurrent(network, HIT + channels, n_classes)


def mlp(hidden: int, n_classes: int) -> nn.Module:
    """One hidden layer on the shower shapes, each of which has mean 0 and variance 1 before it."""
    return nn.Sequential(
        nn.BatchNorm1d(SHAPES, affine=False), nn.Linear(SHAPES, hidden), nn.ReLU(), nn.Linear(hidden, n_classes)
    )


def cnn(channels: int, height: int, width: int, n_classes: int) -> nn.Module:
    """The CNN of the Belgrade tests: of 16 x 16 crystals and two classes, it has 577,820 numbers.

    These are 577,800 that are trained and 20 running statistics of the batch norm.
    """
    return nn.Sequential(
        nn.Conv2d(channels, 10, 3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(10),
        nn.Conv2d(10, 10, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2, stride=1),
        nn.Flatten(),
        nn.Linear(10 * (height - 1) * (width - 1), 256),
        nn.ReLU(),
        nn.Linear(256, n_classes),
    )


class Recurrent(nn.Module):
    """A GRU (arXiv:1406.1078) or an LSTM (doi:10.1162/neco.1997.9.8.1735) on hits or particles, the hardest first.

    The mean of its states after each hit is taken, not the last one: after the weakest of a hundred hits little is left
    of the first.
    """

    def __init__(self, network: Network, features: int, n_classes: int) -> None:
        super().__init__()
        kind = nn.GRU if network.architecture == "gru" else nn.LSTM
        self.hit = nn.Linear(features, network.hidden)
        self.memory = kind(network.hidden, network.hidden, batch_first=True)
        self.dense = nn.Linear(network.hidden, network.hidden)
        self.head = nn.Linear(network.hidden, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, hits, features) to (batch, classes)."""
        there = x[..., HIT - 1 : HIT]
        states = self.memory(self.hit(x).relu())[0] * there
        result: Tensor = self.head(self.dense(states.sum(1) / there.sum(1)).relu())
        return result


class ResNet(nn.Module):
    """Halves the map, then once more in each stage of one residual block (arXiv:1512.03385), and takes the mean."""

    def __init__(self, channels: int, stages: tuple[int, ...], n_classes: int, *, circular: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(_layer(channels, stages[0], 2, circular=circular), nn.ReLU())
        inputs = (stages[0], *stages)
        self.stages = nn.Sequential(
            *(Residual(before, after, circular=circular) for before, after in zip(inputs, stages, strict=False))
        )
        self.head = nn.Linear(stages[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) to (batch, classes)."""
        result: Tensor = self.head(self.stages(self.stem(x)).mean((2, 3)))
        return result


class Residual(nn.Module):
    """Two convolutions, the first with a stride of 2, and what goes in added to what comes out."""

    def __init__(self, inputs: int, outputs: int, *, circular: bool) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _layer(inputs, outputs, 2, circular=circular), nn.ReLU(), _layer(outputs, outputs, 1, circular=circular)
        )
        self.past = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, rows, columns) to (batch, outputs, rows / 2, columns / 2), rounded up."""
        result: Tensor = (self.inner(x) + self.past(x)).relu()
        return result


def _layer(inputs: int, outputs: int, stride: int, *, circular: bool) -> nn.Module:
    return nn.Sequential(Convolution(inputs, outputs, 3, circular=circular, stride=stride), nn.BatchNorm2d(outputs))
