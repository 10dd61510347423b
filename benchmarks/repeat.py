"""A long Delphes file made of real events, repeated: what benchmarks read.

uproot writes jagged arrays with inner dimensions wrongly (5.7), so `Edges[4]` and `Tau[5]` are written
flat, and the soft-dropped jet as its mass; the reader takes both forms. Baskets hold 25 events, as
Delphes' own about do.
"""

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

TRACKS = [f"EFlowTrack.{name}" for name in ("PT", "Eta", "Phi")]
TOWERS = [
    f"{kind}.{name}" for kind in ("EFlowPhoton", "EFlowNeutralHadron") for name in ("ET", "Eta", "Phi", "Edges[4]")
]
PARTICLES = [f"Particle.{name}" for name in ("PID", "Status", "M1", "D1", "D2", "PT", "Eta", "Phi", "Mass")]
JETS = [f"{branch}.{name}" for branch in ("GenJet", "GenJetAK8") for name in ("PT", "Eta", "Phi", "Mass")]
BASELINE = [f"JetPUPPIAK8.{name}" for name in ("PT", "Eta", "Phi", "Tau[5]")]
FLAT = [*TRACKS, *TOWERS, *PARTICLES, *JETS, *BASELINE, "Event.Weight"]


def repeat(sources: list[Path], target: Path, n_events: int) -> None:
    """Writes n_events events, taken from the sources in turn, again and again."""
    blocks = [_read(path) for path in sources]
    types = {name: f"var * {ak.type(array).content.content}" for name, array in blocks[0].items()}
    with uproot.recreate(target, compression=uproot.ZLIB(1)) as file:
        tree = file.mktree("Delphes", types, counter_name=lambda name: f"{name}_size")
        done = 0
        while done < n_events:
            for block in blocks:
                take = min(len(block["Event.Weight"]), n_events - done)
                if take > 0:
                    tree.extend({name: array[:take] for name, array in block.items()})
                done += take


def _read(path: Path) -> dict[str, Any]:
    tree = uproot.open(path)["Delphes"]
    arrays = tree.arrays(FLAT, how=dict)
    flat = {name.partition("[")[0]: ak.flatten(x, axis=2) if "[" in name else x for name, x in arrays.items()}
    jet = tree["JetPUPPIAK8.SoftDroppedJet"].array()
    space = jet.fP
    square = jet.fE**2 - space.fX**2 - space.fY**2 - space.fZ**2
    return flat | {"JetPUPPIAK8.SoftDroppedMass": ak.values_astype(np.sqrt(np.maximum(square, 0)), np.float32)}
