"""Networks of users: found by `package.module:Class`."""

from importlib import import_module

import torch
from torch import Tensor, nn

from jetimg.common.errors import DataError
from models.networks.trusted import VARIABLE, trusted


class OwnNetwork(nn.Module):
    """What a network of one's own has to have.

    It is made with one argument, its configuration (`models.networks.config.Model`: class_names, image_shape, box_size,
    input_channels, channels, circular, normalisation, per_class), and gives a `models.networks.layers.Prediction` of
    float32 (images, input_channels, n_eta, n_phi).

    Attributes:
        default_boxes: float32 (default boxes, 4), pixels, as `models.networks.default_boxes.on_map` makes them.
        coordinates: offsets that it predicts for a default box: 2 where boxes have a fixed size, or 4.
    """

    default_boxes: Tensor
    coordinates: int = 2

    def for_inference(self) -> "OwnNetwork":
        """The network without what only serves training."""
        return self.eval()


def find(architecture: str) -> type[OwnNetwork]:
    """The class that `package.module:Class` names.

    Raises:
        DataError: its module is not trusted, cannot be imported, or has no such network.
    """
    module, _, name = architecture.partition(":")
    if module not in trusted():
        raise DataError(
            f"architecture {architecture}: a network of one's own, whose code is only run if {VARIABLE} lists its "
            f"module: export {VARIABLE}={module}"
        )
    try:
        found = getattr(import_module(module), name, None)
    except ImportError as error:
        raise DataError(f"architecture {architecture}: {error}; is its folder in PYTHONPATH?") from error
    if not (isinstance(found, type) and issubclass(found, OwnNetwork)):
        raise DataError(f"architecture {architecture}: {module} has no class {name} that is a models.OwnNetwork")
    return found


def check(network: OwnNetwork, architecture: str, image: Tensor, n_classes: int, *, per_class: bool) -> None:
    """Runs the network once, and holds what it gives against what is expected.

    Args:
        network: just made.
        architecture: its name.
        image: of zeros, (1, channels, n_eta, n_phi).
        n_classes: jet classes.
        per_class: whether each default box has a jet of each class.

    Raises:
        DataError: other shapes, or no default boxes.
    """
    boxes = getattr(network, "default_boxes", None)
    if not isinstance(boxes, Tensor) or boxes.dim() != 2 or boxes.shape[1] != 4:
        raise DataError(f"architecture {architecture}: default_boxes has to be a tensor (default boxes, 4)")
    shape = (1, len(boxes), n_classes) if per_class else (1, len(boxes))
    logits = shape if per_class else (*shape, 1 + n_classes)
    wanted = {"offset": (*shape, network.coordinates), "logits": logits, "log_pt": shape}
    training = network.training
    with torch.no_grad():
        prediction = network.eval()(image)
    network.train(training)
    for name, expected in wanted.items():
        if not hasattr(prediction, name):
            kind = type(prediction).__name__
            raise DataError(f"architecture {architecture}: its forward gives a {kind}; expected a models.Prediction")
        found = tuple(getattr(getattr(prediction, name), "shape", ()))
        if found != expected:
            raise DataError(f"architecture {architecture}: its {name} has shape {found}; expected {expected}")
