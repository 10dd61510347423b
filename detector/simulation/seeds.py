"""Seeds that depend on what is made, never on when, where or in which order."""

import hashlib

import numpy as np

PYTHIA_LARGEST = 900_000_000  # Pythia 8 manual, "Random-number Seed"


def _digest(campaign: int, sample: str, index: int, purpose: str) -> int:
    text = f"{campaign}/{sample}/{index}/{purpose}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def generator(campaign: int, sample: str, index: int) -> int:
    """Pythia's seed, 1 to 900,000,000, of one file of one sample of a campaign."""
    return 1 + _digest(campaign, sample, index, "pythia") % PYTHIA_LARGEST


def gun(campaign: int, sample: str, index: int) -> np.random.Generator:
    """The random numbers of the particle gun for one file of one sample of a campaign."""
    return np.random.default_rng(_digest(campaign, sample, index, "gun"))


def detector(campaign: int, sample: str, index: int) -> np.random.Generator:
    """The random numbers of pile-up and detector for one file of one sample of a campaign."""
    return np.random.default_rng(_digest(campaign, sample, index, "detector"))


def delphes(campaign: int, sample: str, index: int) -> int:
    """Delphes' RandomSeed, 1 to 900,000,000, for one file of one sample of a campaign."""
    return 1 + _digest(campaign, sample, index, "delphes") % PYTHIA_LARGEST
