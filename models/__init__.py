"""Detectors of jets in images: networks, training, and what comes after."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`models.Detector` and others are found on first use, so that `import models` does not need torch."""
    if name == "Detector":
        from models.inference.detector import Detector

        return Detector
    if name == "OwnNetwork":
        from models.networks.own import OwnNetwork

        return OwnNetwork
    if name == "Prediction":
        from models.networks.layers import Prediction

        return Prediction
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
