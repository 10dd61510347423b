"""Pictures of a report: PNG files put into the page as they are, with what they show."""

import base64
import struct
from dataclasses import dataclass
from pathlib import Path

from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Bytes of a picture that is put into a page.
MAX_BYTES = 20_000_000

# By the name of the file; others have their name for a caption.
CAPTIONS = {
    "distributions": "pt, eta and phi of the jets of each class, each of area 1; bands: statistical errors",
    "boxes_per_image": "Boxes in an image, as shares of the images of each sample",
    "precision_recall": "Precision against recall, of each class",
    "ap_by_pt": "Average precision against the pt of the true jet",
    "efficiency": "Share of the true jets that are found, against pt",
    "false_positives": "Wrong detections an event, against the cut on the score",
    "confusion": "Confusion matrix: what true jets of each class are found as",
    "calibration": "Calibration: how often detections of a score are right",
    "residuals": "Detections that are right less their jets: eta, phi, pt",
    "resolution": "Resolution of eta, phi and pt against the pt of the true jet",
    "events": "Events with their true boxes and what was found",
    "loss": "Loss against the epoch, on training and validation events",
    "latency": "Time for batches of each size",
    "roc": "Background that is rejected against the share of the signal that is kept",
    "energy": "Area under the ROC curve against the energy",
    "masks": "Composed images: true masks beside those that were found",
    "curve": "Area under the ROC curve against the number of training examples",
    "examples": "Test examples of each class, as the networks see them",
    "rings": "Energy by ring of eta",
    "response": "Jet response: reconstructed over generated pt",
    "multiplicities": "Particles and jets an event",
}


@dataclass(frozen=True)
class Picture:
    """A picture in a page.

    Attributes:
        source: the file as a `data:` address.
        caption: what it shows.
        width, height: pixels.
    """

    source: str
    caption: str
    width: int
    height: int


def picture(path: Path, caption: str = "") -> Picture:
    """A PNG file as part of a page.

    Raises:
        DataError: it cannot be read, is no PNG, or larger than a page should hold.
    """
    try:
        if (n_bytes := path.stat().st_size) > MAX_BYTES:
            raise DataError(f"{path}: {n_bytes} bytes; a page holds pictures of up to {MAX_BYTES}")
        content = path.read_bytes()
    except OSError as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content.startswith(SIGNATURE) or len(content) < 24:
        raise DataError(f"{path}: not a PNG file")
    width, height = struct.unpack(">II", content[16:24])
    text = caption or CAPTIONS.get(path.stem, path.stem.replace("_", " "))
    return Picture(f"data:image/png;base64,{base64.b64encode(content).decode()}", text, width, height)


def pictures(folder: Path) -> tuple[Picture, ...]:
    """All PNG files of a folder: those with a caption in its order, then the others by name."""
    order = {name: k for k, name in enumerate(CAPTIONS)}
    paths = sorted(folder.glob("*.png"), key=lambda path: (order.get(path.stem, len(order)), path.name))
    return tuple(picture(path) for path in paths)
