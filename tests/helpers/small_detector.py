"""An invented detector, coarser than the CMS-like one and in other proportions, and events in it."""

from pathlib import Path
from typing import Any

import yaml

from detector import Detector, load
from detector.geometry.description import DEFAULT
from tests.helpers import handmade

# Of each event: a top quark near the seam in phi, and a classical jet on the other side of it.
TOP_ETA, TOP_PHI, JET_PHI = 0.1, 3.1, -3.1

_FORWARD = {"phi_degrees": 10, "values": [-5.0, -4.0, -3.0, 3.0, 4.0, 5.0]}


def describe(path: Path) -> Detector:
    """Writes the description: |eta| < 2 in 80 x 72 pixels of 0.05 x 5 degrees, HCAL towers of 5 x 2 pixels."""
    content = yaml.safe_load(DEFAULT.read_bytes())
    content["name"] = "invented"
    content["crystals"] = {"eta_pitch": 0.05, "n_eta": 80, "n_phi": 72}
    content["calorimeters"] = {
        "ecal": [{"phi_degrees": 5, "pitch": 0.05, "first": -40, "last": 40}, _FORWARD],
        "hcal": [{"phi_degrees": 10, "pitch": 0.25, "first": -8, "last": 8}, _FORWARD],
    }
    path.write_text(yaml.safe_dump(content))
    return load(path)


def write(path: Path, n_events: int, detector: Detector, softest: float = 1.0) -> Path:
    """A Delphes file of this detector: `handmade.branches` with a top quark, and a jet tagged as one.

    Event k has a track of pt `softest` + k GeV, so that no two events are the same.
    """
    made: dict[str, list[list[Any]]] = handmade.branches(n_events, detector)
    made["EFlowTrack.PT"] = [[softest + k] for k in range(n_events)]
    made["EFlowTrack.Phi"] = [[3.1415] for _ in range(n_events)]
    top = {"PID": 6, "Status": 22, "PT": 500.0, "Eta": TOP_ETA, "Phi": TOP_PHI, "Mass": 173.0}
    jet = {"PT": 480.0, "Eta": TOP_ETA, "Phi": JET_PHI, "SoftDroppedMass": 170.0}
    for branch, values in (("Particle", top), ("JetPUPPIAK8", jet)):
        for name, value in values.items():
            made[f"{branch}.{name}"] = [[value] for _ in range(n_events)]
    made["JetPUPPIAK8.Tau"] = [[0.5, 0.4, 0.1, 0.1, 0.1] for _ in range(n_events)]
    return handmade.write(path, made)
