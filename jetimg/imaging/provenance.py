"""What an event file says about how it was made. Nothing here changes from run to run."""

import platform
from importlib.metadata import version
from typing import Any

import h5py

import jetimg
from detector import Detector
from detector.geometry.grid import Grid
from jetimg.imaging.settings import ImageSettings


def provenance(detector: Detector, settings: ImageSettings) -> dict[str, Any]:
    """Attributes for an event file: classes, settings, detector, software."""
    grid = Grid.of(detector)
    return {
        "class_names": list(settings.classes),
        "channels": ["tracker", "ecal", "hcal"],
        "image_shape": [grid.n_eta, grid.n_phi],
        "eta_pitch": grid.eta_pitch,
        "phi_pitch": grid.phi_pitch,
        "config": _config(settings),
        "detector": detector.name,
        "detector_sha256": detector.digest,
        "software": {
            "jetimg": jetimg.__version__,
            "python": platform.python_version(),
            "hdf5": h5py.version.hdf5_version,
        }
        | {name: version(name) for name in ("numpy", "awkward", "uproot", "numba", "h5py", "deflate")},
    }


def _config(settings: ImageSettings) -> dict[str, Any]:
    """The settings; of no lists of particles nothing is said, as in files from before there were any."""
    return settings.model_dump(mode="json", exclude=None if settings.particles else {"particles"})
