"""SSD-7, the base model of the status report of October 2019.

The report counts 178,884 parameters with "only 3x3" filters. That is, counted as Keras does, with the running means
and variances of batch norm: an image of one channel, a 3 x 3 first layer, three default boxes a cell, and two classes
("now just b and h jets") beside background, without pt: convolutions 141,168, batch norm 4 * 336 = 1,344, predictors
on 64 + 48 + 48 + 32 channels (9 * 192 + 4) * 3 * (3 + 4) = 36,372. `tests/models/test_ssd7.py` builds that network.

The report gives max pooling "2x2 stride 1x1"; with a stride of 1 every map would have 122,400 cells. The network it
names as its base pools with a stride of 2, as here.
"""

import torch
from torch import Tensor, nn

from models.networks.config import Model
from models.networks.default_boxes import Axis, on_map, shapes
from models.networks.layers import Block, Convolution, Head, Pool, Prediction, joined

COORDINATES = 4
# Layers with a predictor: the last four.
PREDICTORS = 4


class SSD7(nn.Module):
    """The detector: seven convolutions with batch norm and ELU, max pooling between them, predictors on the last four.

    Attributes:
        default_boxes: float32 (default boxes, 4), pixels.
        coordinates: offsets that it predicts: centre and size.
    """

    default_boxes: Tensor
    coordinates = COORDINATES

    def __init__(self, config: Model) -> None:
        super().__init__()
        eta, phi, inputs = Axis(config.image_shape[0]), Axis(config.image_shape[1]), config.input_channels
        sizes, maps = shapes(config.box_size, config.aspect_ratios), []
        self.layers, self.pools, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for number, outputs in enumerate(config.all_channels):
            if number:
                pool = Pool("max", eta, phi, edge=0, circular=config.circular)
                eta, phi = pool.eta, pool.phi
                self.pools.append(pool)
            kernel = 3 if number else config.first_kernel
            self.layers.append(_layer(inputs, outputs, kernel, config))
            inputs = outputs
            if number >= len(config.all_channels) - PREDICTORS:
                self.heads.append(_head(outputs, len(sizes), config))
                maps.append(on_map(eta, phi, sizes, config.image_shape[1]))
        self.register_buffer("default_boxes", torch.cat(maps), persistent=False)
        self.apply(_initialised)
        for head in self.heads:
            assert isinstance(head, Head)
            head.expect_few()

    def forward(self, x: Tensor) -> Prediction:
        """(images, channels, n_eta, n_phi) to predictions for `default_boxes`."""
        predictions = []
        for number, layer in enumerate(self.layers):
            x = layer(self.pools[number - 1](x) if number else x)
            index = number - len(self.layers) + PREDICTORS
            if index >= 0:
                predictions.append(self.heads[index](x))
        return joined(predictions)

    def for_inference(self) -> "SSD7":
        """Nothing is left out."""
        return self.eval()


def _head(inputs: int, boxes: int, config: Model) -> Head:
    return Head(
        inputs,
        boxes,
        len(config.class_names),
        COORDINATES,
        pt=config.pt,
        bias=True,
        circular=config.circular,
        per_class=config.per_class,
    )


def _layer(inputs: int, outputs: int, kernel: int, config: Model) -> Block:
    return Block(
        "convolution",
        convolution=Convolution(inputs, outputs, kernel, circular=config.circular, bias=True),
        convolution_norm=nn.BatchNorm2d(outputs),
        convolution_activation=nn.ReLU() if config.activation == "relu" else nn.ELU(),
    )


def _initialised(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
