"""The detector: its description, its pixel grid and its simulation."""

from detector.geometry.description import Detector, load

__all__ = ["Detector", "load"]
