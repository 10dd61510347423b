"""Making the three images of an event, from what uproot read: against numpy.histogram2d on the same hits."""

from pathlib import Path

import numpy as np

from benchmarks import inputs
from benchmarks.measure import Figure, in_turn, processor_ms
from detector import load
from jetimg.imaging import channels
from jetimg.imaging.channels import Setup, Tally
from jetimg.imaging.delphes_reader import Chunk, DelphesFile, wanted
from jetimg.imaging.settings import ImageSettings

HITS = (("EFlowTrack", "PT"), ("EFlowPhoton", "ET"), ("EFlowNeutralHadron", "ET"))


def figures(folder: Path, n_events: int, rounds: int) -> list[Figure]:
    """Milliseconds an event, all channels."""
    setup = Setup(load(), ImageSettings())
    chunk = read(inputs.delphes_file(folder, n_events), min(n_events, 250))
    n = len(chunk["EFlowTrack.PT"].offsets) - 1
    channels.images(chunk, setup, Tally())  # compiles
    edges = [setup.grid.eta_edges, setup.grid.phi_edges]
    pairs = in_turn(
        lambda: processor_ms(lambda: channels.images(chunk, setup, Tally()), n),
        lambda: processor_ms(lambda: histograms(chunk, edges), n),
        rounds,
    )
    return [pairs.figure("images", "three images from the branches in memory", "ms an event", "numpy.histogram2d")]


def read(path: Path, n_events: int) -> Chunk:
    """The wanted branches, and the points of photons, which our images do not need."""
    file = DelphesFile(path, wanted(ImageSettings()))
    chunk = file.head(n_events, ("EFlowPhoton.Eta", "EFlowPhoton.Phi"))
    file.close()
    return chunk


def histograms(chunk: Chunk, edges: list[np.ndarray]) -> None:
    """One dense histogram an event and channel."""
    for branch, name in HITS:
        value, eta, phi = (chunk[f"{branch}.{leaf}"] for leaf in (name, "Eta", "Phi"))
        for first, last in zip(value.offsets[:-1], value.offsets[1:], strict=True):
            np.histogram2d(
                eta.content[first:last], phi.content[first:last], bins=edges, weights=value.content[first:last]
            )
