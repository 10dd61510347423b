"""WebDataset: tar files SPLIT-000000.tar of 1,000 events each, in their order.

An event is two members. KEY.hits.npz has `coordinates` uint16 (3, hits): channel, row, column; and `value` float32
(hits), GeV. KEY.json has the image's shape, boxes (x_min, y_min, x_max, y_max in pixels), labels (from 0), names, pt,
eta, phi, and the sample.
"""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from jetimg.export.part import Part, Progress
from jetimg.loader.jet_event import JetEvent
from jetimg.loader.jet_events import JetEvents

EVENTS_A_FILE = 1000


def write(part: Part, folder: Path, progress: Progress) -> None:
    """One split.

    Args:
        part: the events.
        folder: where the tar files go.
        progress: told of events.
    """
    events = JetEvents(part.files)
    pad = events.widest() if part.seam == "pad" else 0
    for first in range(0, len(events), EVENTS_A_FILE):
        path = folder / f"{part.split}-{first // EVENTS_A_FILE:06d}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for number, event in enumerate(events[first : first + EVENTS_A_FILE], first):
                key = f"{part.split}-{number:09d}"
                _add(archive, f"{key}.hits.npz", _hits(event, pad))
                _add(archive, f"{key}.json", json.dumps(_truth(event, part, pad)).encode())
                progress(1)


def _hits(event: JetEvent, pad: int) -> bytes:
    hits, file = event.sparse(pad=pad), io.BytesIO()
    smallest = np.min_scalar_type(max(event.geometry.n_eta, event.geometry.n_phi + pad))
    np.savez(file, coordinates=hits.coordinates.astype(smallest), value=hits.value)
    return file.getvalue()


def _truth(event: JetEvent, part: Part, pad: int) -> dict[str, Any]:
    target = event.target("xyxy", part.seam, background=False)
    pixels = event.geometry
    return {
        "shape": [len(pixels.channels), pixels.n_eta, pixels.n_phi + pad],
        "sample": event.sample,
        "names": [event.class_names[label] for label in target["labels"]],
        **{name: column.tolist() for name, column in target.items()},
    }


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """A member without time and owner, so that the same events give the same bytes."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
