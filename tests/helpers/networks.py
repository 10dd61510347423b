"""Configurations as the papers have them, for tests of what they describe."""

from typing import Any

from models.networks.config import Model, Training


def published(**chosen: Any) -> Model:
    """PF-Jet-SSD, or another network, with its own activations and normalisation and with zeros beyond the seam."""
    own = {"architecture": "pfjet", "circular": False, "activation": "published", "normalisation": "channel"}
    return Model(**(own | chosen))


def published_training(**chosen: Any) -> Training:
    """Stochastic gradient descent in steps of the learning rate; the epoch of the lowest loss is kept."""
    own = {
        "epochs": 100,
        "batch_size": 25,
        "optimizer": "sgd",
        "learning_rate": 1e-3,
        "weight_decay": 5e-4,
        "schedule": "milestones",
        "ema": 0.0,
        "clip": 0.0,
        "best_by": "loss",
        "match_threshold": 0.5,
    }
    return Training(**(own | chosen))
