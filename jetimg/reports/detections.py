"""What is in a file of detections, at a glance."""

from pathlib import Path

import h5py
import numpy as np
from rich.console import Group, RenderableType

from jetimg.common.tables import Sheet, facts, size
from jetimg.detections.hdf5 import Reader
from jetimg.detections.layout import FORMAT

# Cuts on the score that jets are counted above.
CUTS = (0.0, 0.1, 0.3, 0.5, 0.9)

# Inputs that are shown.
SHOWN = 10

# Events read at once.
STEP = 16384


def is_detections(path: Path) -> bool:
    """Whether an HDF5 file calls itself one of detections."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


def describe(path: Path) -> Group:
    """A file of detections, to be printed by rich.

    Raises:
        DataError: damaged.
    """
    with Reader(path) as reader:
        about = reader.about
        counts = np.zeros((len(about.class_names), len(CUTS)), np.int64)
        for start in range(0, reader.n_events, STEP):
            found = reader.read(start, start + STEP)
            for k, cut in enumerate(CUTS):
                counts[:, k] += np.bincount(found.class_id[found.score >= cut], minlength=len(counts))
        pairs: list[tuple[str, object]] = [
            ("kind", "detections"),
            ("network", f"{about.network}, sha256 {about.network_sha256[:12] or '-'}"),
            ("settings", ", ".join(f"{key} {value}" for key, value in about.settings.items())),
            ("events", reader.n_events),
            ("size", size(path.stat().st_size)),
            ("image", f"{about.image_shape[0]} x {about.image_shape[1]} pixels (eta, phi)"),
        ]
        rows = [(name, *row.tolist()) for name, row in zip(about.class_names, counts, strict=True)]
        good, bad = ([row for row in reader.inputs if (row.verdict == "ok") == ok] for ok in (True, False))
        inputs = [(row.name, row.entries, row.verdict, row.reason) for row in [*bad, *good][:SHOWN]]
        title = f"Inputs: {len(reader.inputs):,} files, {len(bad):,} of them bad"
        parts: list[RenderableType] = [
            facts(str(path), pairs),
            Sheet("Detections", ("class", "all", *(f"score {cut:g}" for cut in CUTS[1:])), rows, "From this score on."),
            Sheet(title, ("file", "events", "verdict ", "reason "), inputs),
        ]
    return Group(*parts)
