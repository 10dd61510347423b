"""Masks of objects: their pixels, the ellipse of their deposits, the box around them.

The ellipse has the centre and the second moments of the deposits, each spread evenly over its pixel: its semi-axes are
twice the standard deviations along the principal axes, as of an evenly filled ellipse. It is the mask that the HGCal
study gave a shower (G. Grasseau et al., CHEP 2019: principal components of the cluster). Deposits weigh by the
logarithm of their share of the object's energy, as in the cluster shapes of CMS (JINST 10 P06005): by the energy
itself, a shower's core would count alone.

Rows are eta, columns phi, which is periodic; pixel k reaches from k to k + 1.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetimg.common.ranges import ranges

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A deposit below the share exp(-LOG_SHARE), 0.9 %, weighs next to nothing.
LOG_SHARE = 4.7
# Variance of an evenly filled pixel.
PIXEL_VARIANCE = 1 / 12


class Ellipses(NamedTuple):
    """Ellipses of some objects, in pixels.

    Attributes:
        centre: (objects, 2), row and column; the column in [0, n_phi).
        axes: (objects, 2), semi-axes, the longer first.
        angle: (objects), of the longer axis, from the direction of eta to that of phi, in [0, pi).
    """

    centre: Floats
    axes: Floats
    angle: Floats


def ellipses(owner: Ints, pixel: NDArray[Any], value: NDArray[Any], n_objects: int, n_phi: int) -> Ellipses:
    """The ellipses of objects, each with a deposit at least.

    Args:
        owner: (deposits), the object of each.
        pixel: (deposits), flat.
        value: (deposits), above 0.
        n_objects: how many there are.
        n_phi: pixels round phi.
    """
    row, column = np.divmod(pixel.astype(np.int64), n_phi)
    share = value.astype(np.float64) / np.bincount(owner, value, n_objects)[owner]
    # The share is added so that an object of many faint deposits has an ellipse too.
    weight = np.maximum(LOG_SHARE + np.log(share), 0) + share
    weight /= np.bincount(owner, weight, n_objects)[owner]

    def mean(quantity: NDArray[Any]) -> NDArray[Any]:
        summed: NDArray[Any] = np.bincount(owner, weight * quantity, n_objects)
        return summed

    turn = 2 * np.pi / n_phi
    # Columns are counted from a column in the middle of the object, so that it may lie across the seam.
    middle = np.arctan2(mean(np.sin(turn * column)), mean(np.cos(turn * column))) / turn
    around = np.mod(column - middle[owner] + n_phi / 2, n_phi) - n_phi / 2
    eta, phi = mean(row), mean(around)
    d_eta, d_phi = row - eta[owner], around - phi[owner]
    second = mean(d_eta**2) + PIXEL_VARIANCE, mean(d_eta * d_phi), mean(d_phi**2) + PIXEL_VARIANCE
    middle_variance, half_difference = (second[0] + second[2]) / 2, (second[0] - second[2]) / 2
    spread = np.hypot(half_difference, second[1])
    axes = 2 * np.sqrt(np.stack([middle_variance + spread, middle_variance - spread], axis=1))
    angle = np.mod(np.arctan2(second[1], half_difference) / 2, np.pi)
    centre = np.stack([eta + 0.5, np.mod(middle + phi + 0.5, n_phi)], axis=1)
    return Ellipses(centre, axes, np.where(angle < np.pi, angle, 0.0))


def inside(found: Ellipses, shape: tuple[int, int]) -> tuple[Ints, Ints]:
    """The pixels of ellipses: those whose centre lies inside, and the one in which the ellipse has its own.

    Args:
        found: the ellipses.
        shape: pixels along eta and phi.

    Returns:
        The object and the flat pixel of each, ascending.
    """
    n_eta, n_phi = shape
    (longer, shorter), (cosine, sine) = found.axes.T, (np.cos(found.angle), np.sin(found.angle))
    # a y^2 + 2 b y x + c x^2 <= 1 for a point y rows and x columns from the centre.
    a = (cosine / longer) ** 2 + (sine / shorter) ** 2
    b = cosine * sine * (longer**-2.0 - shorter**-2.0)
    c = (sine / longer) ** 2 + (cosine / shorter) ** 2
    height = longer * shorter * np.sqrt(c)
    eta, phi = found.centre.T
    first, last = np.maximum(np.ceil(eta - height - 0.5), 0), np.minimum(np.floor(eta + height - 0.5), n_eta - 1)
    owner, row = _between(first, last)
    y = row + 0.5 - eta[owner]
    middle = phi[owner] - b[owner] * y / c[owner]
    width = np.sqrt(np.maximum((b[owner] * y) ** 2 - c[owner] * (a[owner] * y**2 - 1), 0)) / c[owner]
    width = np.minimum(width, n_phi / 2)
    line, column = _between(np.ceil(middle - width - 0.5), np.floor(middle + width - 0.5))
    own = np.minimum(np.floor(eta), n_eta - 1) * n_phi + np.mod(np.floor(phi), n_phi)
    objects = np.concatenate([owner[line], np.arange(len(eta))])
    pixel = np.concatenate([row[line] * n_phi + np.mod(column, n_phi), own.astype(np.int64)])
    flat = np.unique(objects * (n_eta * n_phi) + pixel)
    return np.divmod(flat, n_eta * n_phi)


def _between(first: Floats, last: Floats) -> tuple[Ints, Ints]:
    """All whole numbers from each first to its last, and which range they are of."""
    counts = np.maximum(last - first + 1, 0).astype(np.int64)
    return np.repeat(np.arange(len(counts)), counts), ranges(first.astype(np.int64), counts)


def boxes(owner: Ints, pixel: NDArray[Any], centre: Floats, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The boxes around masks, each of one pixel at least, by `detector.geometry.boxes`' convention.

    Args:
        owner: (pixels), the object of each, ascending, none left out.
        pixel: (pixels), flat.
        centre: (objects, 2), row and column of a place inside: the box lies round it, on the shorter side.
        shape: pixels along eta and phi.

    Returns:
        float32 (objects, 4).
    """
    n_phi = shape[1]
    row, column = np.divmod(pixel.astype(np.int64), n_phi)
    origin = np.floor(centre[:, 1]).astype(np.int64)
    around = np.mod(column - origin[owner] + n_phi // 2, n_phi) - n_phi // 2
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    low = np.stack([np.minimum.reduceat(row, first), np.minimum.reduceat(around, first)], axis=1)
    high = np.stack([np.maximum.reduceat(row, first), np.maximum.reduceat(around, first)], axis=1) + 1
    phi_min = np.mod(low[:, 1] + origin, n_phi)
    return np.stack([low[:, 0], phi_min, high[:, 0], phi_min + high[:, 1] - low[:, 1]], axis=1).astype(np.float32)


def owners(tables: Mapping[str, Mapping[str, NDArray[Any]]]) -> tuple[Ints, bool]:
    """For each row of /masks the row of /jets, counted over all events; and whether one is beyond its event's jets."""
    jets, rows = tables["jets"]["indptr"], tables["masks"]
    event = np.repeat(np.arange(len(jets) - 1), np.diff(rows["indptr"]))
    owner = jets[event] + rows["jet"].astype(np.int64)
    return owner, bool(np.any(owner >= jets[event + 1]))
