"""COCO: a folder of images for each split, and `annotations/instances_SPLIT.json`.

An image's id is its event's number in the split, from 0; category 1 is the first class. A PNG has 8 bits a channel
(red tracker, green ECAL, blue HCAL): 40 ln(1 + E / GeV), at least 1 where there is energy, at most 255 (586 GeV).
`npy` is exact: float32 (3, n_eta, n_phi), GeV.

Of composed images, boxes are those of the masks, and `segmentation` is the mask, run-length encoded as in COCO without
compression: lengths of runs of pixels outside and inside, column by column, the first one outside.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from jetimg.export.part import Part, Progress
from jetimg.loader.event_files import EventFiles
from jetimg.loader.jet_event import JetEvent
from jetimg.loader.jet_events import JetEvents
from jetimg.loader.seam import flat_boxes

Images = Literal["png", "npy"]
IMAGES: tuple[str, ...] = get_args(Images)

# Steps of a PNG's 255 for each factor e of 1 + E / GeV.
PNG_SCALE = 40.0


def write(part: Part, folder: Path, images: Images, progress: Progress) -> None:
    """One split: its images, then its annotations.

    Args:
        part: the events.
        folder: where `annotations` and the folder of images go.
        images: png or npy.
        progress: told of events.
    """
    masked = "masks" in part.files.tables
    events = JetEvents(EventFiles(part.files.paths, ("shapes",)) if masked else part.files)
    pad = _widest(events, masked) if part.seam == "pad" else 0
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / part.split).mkdir()
    target = folder / "annotations" / f"instances_{part.split}.json"
    rows = target.with_suffix(".rows")
    n_boxes = 0
    with target.open("w") as file, rows.open("w") as boxes:
        categories = [{"id": k, "name": name, "supercategory": "jet"} for k, name in enumerate(events.class_names, 1)]
        head = {"info": {"description": "jet images by jetimg"}, "licenses": [], "categories": categories}
        file.write(f'{json.dumps(head)[:-1]}, "images": [')
        for number, event in enumerate(events):
            entry = _image(event, number, part.split, pad, images)
            _save(folder / part.split / entry["file_name"], event.dense(pad=pad))
            file.write(f"{',' if number else ''}\n{json.dumps(entry)}")
            for row in _annotations(event, number, part, pad):
                n_boxes += 1
                boxes.write(f"{',' if n_boxes > 1 else ''}\n{json.dumps({'id': n_boxes} | row)}")
            progress(1)
        file.write('], "annotations": [')
        boxes.close()
        with rows.open() as written:
            file.writelines(written)
        file.write("]}\n")
    rows.unlink()


def to_png(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """An image as bytes, (n_eta, n_phi, 3); `from_png` goes back, to 1.3 % of 1 GeV + E.

    Args:
        image: (3, n_eta, n_phi), GeV.
    """
    steps = np.clip(np.rint(PNG_SCALE * np.log1p(image)), image > 0, 255)
    return np.moveaxis(steps.astype(np.uint8), 0, -1)


def from_png(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The image that these bytes stand for, (3, n_eta, n_phi), GeV.

    Args:
        pixels: (n_eta, n_phi, 3).
    """
    return np.expm1(np.moveaxis(pixels, -1, 0) / np.float32(PNG_SCALE)).astype(np.float32)


def _image(event: JetEvent, number: int, split: str, pad: int, images: Images) -> dict[str, Any]:
    pixels = event.geometry
    return {
        "id": number,
        "file_name": f"{number:012d}.{images}",
        "width": pixels.n_phi + pad,
        "height": pixels.n_eta,
        "sample": event.sample,
        "split": split,
    }


def _widest(events: JetEvents, masked: bool) -> int:
    """Columns that have to continue an image whose boxes, or masks, are to stay whole."""
    if not masked:
        return events.widest()
    boxes = [event.shapes["box"] for event in events]
    return min(int(max((box[:, 3] - box[:, 1]).max(initial=0) for box in boxes)), events.geometry.n_phi)


def _annotations(event: JetEvent, number: int, part: Part, pad: int) -> Iterator[dict[str, Any]]:
    own = event.shapes["box"] if event.masks else event.boxes
    boxes, jet = flat_boxes(own, event.geometry.image_shape, part.seam, "xywh")
    for box, place in zip(boxes.tolist(), jet.tolist(), strict=True):
        row = {
            "image_id": number,
            "category_id": int(event.labels[place]) + 1,
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
            "jet": place,
            "pt": float(event.pt[place]),
            "eta": float(event.eta[place]),
            "phi": float(event.phi[place]),
        }
        yield row | (_mask(event, place, box, pad) if event.masks else {})


def _mask(event: JetEvent, jet: int, box: list[float], pad: int) -> dict[str, Any]:
    """The part of a jet's mask between the left and right sides of a box: its own box, area and run lengths."""
    pixels = event.geometry
    row, column = np.divmod(event.masks["pixel"][event.masks["jet"] == jet].astype(np.int64), pixels.n_phi)
    column = np.where(column < box[0], column + pixels.n_phi, column)
    inside = column < box[0] + box[2]
    row, column = row[inside], column[inside]
    flat = np.zeros(pixels.n_eta * (pixels.n_phi + pad), np.int8)
    flat[column * pixels.n_eta + row] = 1
    edges = np.flatnonzero(np.diff(flat, prepend=0))
    runs = np.diff(edges, prepend=0, append=len(flat))
    left, top = int(column.min()), int(row.min())
    return {
        "bbox": [left, top, int(column.max()) + 1 - left, int(row.max()) + 1 - top],
        "area": len(row),
        "segmentation": {"size": [pixels.n_eta, pixels.n_phi + pad], "counts": runs.tolist()},
    }


def _save(path: Path, image: NDArray[np.float32]) -> None:
    if path.suffix == ".npy":
        np.save(path, image)
        return
    from matplotlib.image import imsave

    imsave(path, to_png(image), format="png", metadata={"Software": "jetimg"})
