"""Masks that were measured, as files: numbers, a table, and images with true and predicted masks side by side."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jetimg.common.atomic import write_text
from jetimg.common.tables import Sheet
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import JetImages
from jetimg.plotting.figures import colour, save, styled
from models.data.data_set import DataSet
from models.evaluation.masks import THRESHOLDS, Images, MaskEvaluation, Objects

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

JSON, TABLE, PICTURE = "masks.json", "masks.md", "masks.png"
NAMES = (JSON, TABLE, PICTURE)
# Pixels along each side of the part that is drawn large.
PART = 80
# ln(1 + E / GeV) that is drawn black.
DARKEST = 1.5


def write(found: MaskEvaluation, images: Images, data: DataSet, split: str, output: Path) -> None:
    """Writes all files into a folder.

    Args:
        found: what was measured.
        images: on what.
        data: the data set.
        split: its images.
        output: the folder.
    """
    write_text(output / JSON, json.dumps(as_dict(found, data, split), indent=1) + "\n")
    write_text(output / TABLE, "# Masks\n\n" + "\n".join(one.markdown() for one in sheets(found)))
    shards = getattr(data, split)
    save(picture(JetImages(shards).read(0, 1), images, found), output / PICTURE)


def as_dict(found: MaskEvaluation, data: DataSet, split: str) -> dict[str, Any]:
    """For JSON; what is not a number is null."""
    ap = [[None if np.isnan(value) else round(float(value), 5) for value in row] for row in found.ap]
    return {
        "data_set_sha256": data.digest,
        "split": split,
        "images": found.n_events,
        "objects": dict(zip(found.class_names, found.n_true, strict=True)),
        "thresholds": THRESHOLDS.tolist(),
        "ap": dict(zip(found.class_names, ap, strict=True)),
        "cut": found.cut,
        "tp_over_tp_fp_fn": [round(float(value), 5) for value in found.measure],
        "tp_fp_fn_at_0.5": found.counts,
        "missed": found.missed,
        "wrong_class": found.wrong_class,
    }


def sheets(found: MaskEvaluation) -> list[Sheet]:
    """The tables."""
    rows = [
        (name, n, float(ap[0]), float(ap[5]), float(ap.mean()))
        for name, n, ap in zip(found.class_names, found.n_true, found.ap, strict=True)
    ]
    mean = np.nanmean(found.ap, axis=0)
    rows.append(("mean", sum(found.n_true), float(mean[0]), float(mean[5]), float(mean.mean())))
    columns = ("class", "objects", "AP 0.5", "AP 0.75", "AP 0.5:0.95")
    right, wrong, missing = found.counts
    study = [
        ("TP / (TP + FP + FN), mean of 0.5 to 0.95", float(found.measure.mean())),
        ("the same at 0.5", float(found.measure[0])),
        ("the same at 0.75", float(found.measure[5])),
        ("TP, FP, FN at 0.5", f"{right:,}, {wrong:,}, {missing:,}"),
        ("missed by all detections, at 0.5", f"{found.missed:.1%}"),
        ("found as another class", f"{found.wrong_class:.1%}"),
    ]
    return [
        Sheet("Average precision of masks", columns, rows, f"{found.n_events:,} images."),
        Sheet("The HGCal study's measure", ("what", "value"), study, f"Detections with a score from {found.cut:g} on."),
    ]


@styled()
def picture(batch: SparseBatch, images: Images, found: MaskEvaluation) -> "Figure":
    """The first image with its true masks on the left, those found on the right; below, its most crowded part."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 12.6), layout="constrained")
    ground = np.log1p(_total(batch))
    kept = images.found.jets.score >= found.cut
    sides = (
        ("true", images.true, np.ones(len(images.true.counts), bool)),
        (f"found, score from {found.cut:g} on", images.found, kept),
    )
    corner = _crowded(batch)
    for row, panels in enumerate(figure.subplots(2, 2)):
        for axes, (title, objects, rows) in zip(panels, sides, strict=True):
            axes.imshow(ground, cmap="Greys", vmax=DARKEST, interpolation="nearest", origin="lower")
            chosen = np.flatnonzero(rows & (objects.jets.event == 0))
            _outline(axes, objects, chosen, batch.shape)
            axes.set_title(f"{title}: {len(chosen)} objects" if row == 0 else "its most crowded part", fontsize=10)
            axes.set(xlabel="phi, pixels", ylabel="eta, pixels")
            if row:
                axes.set(xlim=(corner[1], corner[1] + PART), ylim=(corner[0], corner[0] + PART))
    handles = [_handle(number, name) for number, name in enumerate(found.class_names)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _crowded(batch: SparseBatch) -> tuple[float, float]:
    """The corner of the part around the object that has most others near it."""
    centre = (batch.box[:, :2].astype(np.float64) + batch.box[:, 2:]) / 2
    near = (np.abs(centre[:, None] - centre[None]) < PART / 2).all(axis=2).sum(axis=1)
    corner = np.clip(centre[int(near.argmax())] - PART / 2, 0, np.array(batch.shape) - PART)
    return float(corner[0]), float(corner[1])


def _total(batch: SparseBatch) -> NDArray[np.float64]:
    total = np.zeros(batch.shape)
    np.add.at(total.reshape(-1), batch.pixel, batch.value)
    return total


def _handle(number: int, name: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour(number), label=name)


def _outline(axes: "Axes", objects: Objects, chosen: NDArray[np.int64], shape: tuple[int, int]) -> None:
    """The borders of the masks of some objects, pixel by pixel."""
    ends = np.cumsum(objects.counts)
    for row in chosen:
        y, x = np.divmod(objects.pixel[ends[row] - objects.counts[row] : ends[row]], shape[1])
        inside = set(zip(y.tolist(), x.tolist(), strict=True))
        lines = [line for place in inside for line in _edges(*place, inside)]
        shade = colour(int(objects.jets.class_id[row]))
        for (y0, x0), (y1, x1) in lines:
            axes.plot([x0 - 0.5, x1 - 0.5], [y0 - 0.5, y1 - 0.5], color=shade, linewidth=0.8, linestyle="-")


def _edges(y: int, x: int, inside: set[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The sides of a pixel beyond which the mask ends."""
    sides = {(-1, 0): ((y, x), (y, x + 1)), (1, 0): ((y + 1, x), (y + 1, x + 1))}
    sides |= {(0, -1): ((y, x), (y + 1, x)), (0, 1): ((y, x + 1), (y + 1, x + 1))}
    return [line for (dy, dx), line in sides.items() if (y + dy, x + dx) not in inside]
