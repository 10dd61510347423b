"""Boxes as detection frameworks want them: x = phi, y = eta, in pixels, and what becomes of a box at phi = +-pi.

A box of an event file is (eta_min, phi_min, eta_max, phi_max) in pixels; where it crosses the seam, phi_max passes
n_phi. A framework knows flat images only, so there is a choice to make:

cut: two boxes, one on each side.
clip: the larger part only.
pad: the box stays whole and passes the image's last column; the image is continued there by its own first columns.

In eta, boxes are cut at the image's border.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Seam = Literal["cut", "clip", "pad"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh"]

# Of a box that is cut, a part narrower than this is left out if the other is not, in pixels: no network can see it.
NARROWEST = 1.0


def flat_boxes(
    box: NDArray[np.float32], shape: tuple[int, int], seam: Seam = "cut", form: BoxFormat = "xyxy"
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes on a flat image.

    Args:
        box: float32 (jets, 4), eta_min, phi_min, eta_max, phi_max in pixels, phi_min in [0, n_phi).
        shape: pixels along eta and phi.
        seam: cut, clip or pad, as above.
        form: xyxy (x_min, y_min, x_max, y_max), xywh (x_min, y_min, width, height) or cxcywh (centre, width, height).

    Returns:
        float32 (boxes, 4); and int64 (boxes), the jet of each box, ascending.

    Raises:
        ValueError: no such seam or form.
    """
    one_of("seam", seam, Seam)
    one_of("targets", form, BoxFormat)
    n_eta, n_phi = shape
    y0, y1 = np.clip(box[:, 0], 0, n_eta), np.clip(box[:, 2], 0, n_eta)
    whole = np.stack([box[:, 1], y0, box[:, 3], y1], axis=1)
    jet = np.arange(len(box))
    if seam != "pad":
        whole, jet = _parts(whole, n_phi, smaller_too=seam == "cut")
    return _formed(whole, form), jet


def cylinder_boxes(xyxy: NDArray[np.floating], n_phi: int) -> NDArray[np.float32]:
    """The boxes of a flat image, a padded one too, as event files have them: the way back for what a network found.

    Args:
        xyxy: (boxes, 4), x_min, y_min, x_max, y_max in pixels; x may lie any number of turns off.
        n_phi: pixels round phi.

    Returns:
        float32 (boxes, 4), eta_min, phi_min, eta_max, phi_max in pixels, phi_min in [0, n_phi).
    """
    x0, y0, x1, y1 = np.asarray(xyxy, np.float64).reshape(-1, 4).T
    first = np.mod(x0, n_phi).astype(np.float32)
    first[first >= n_phi] = 0.0  # a float32 just below n_phi rounds up to it
    return np.stack([y0, first, y1, first + (x1 - x0)], axis=1).astype(np.float32)


def one_of(name: str, value: object, choices: object) -> None:
    """Refuses a word that a `Literal` does not have.

    Raises:
        ValueError: naming those that it has.
    """
    if value not in get_args(choices):
        raise ValueError(f"{name} {value!r}: one of {', '.join(map(str, get_args(choices)))}")


def _parts(whole: NDArray[np.float32], n_phi: int, smaller_too: bool) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes cut at the seam: the parts before and behind it, or the larger of the two."""
    before, behind = whole.copy(), whole.copy()
    before[:, 2] = np.minimum(whole[:, 2], n_phi)
    behind[:, 0], behind[:, 2] = 0, np.maximum(whole[:, 2] - n_phi, 0)
    width = np.stack([before[:, 2] - before[:, 0], behind[:, 2]])
    kept = width > 0
    if smaller_too:
        kept &= (width >= NARROWEST) | (width[::-1] < NARROWEST)
    else:
        kept &= np.stack([width[0] >= width[1], width[1] > width[0]])
    # By jet, the part before the seam first.
    rows = np.stack([before, behind], axis=1).reshape(-1, 4)
    chosen = kept.T.ravel()
    return rows[chosen], np.repeat(np.arange(len(whole)), 2)[chosen]


def _formed(xyxy: NDArray[np.float32], form: BoxFormat) -> NDArray[np.float32]:
    if form == "xyxy":
        return xyxy
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return np.concatenate([low if form == "xywh" else (low + high) / 2, high - low], axis=1)
