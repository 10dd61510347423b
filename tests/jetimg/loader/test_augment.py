from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jetimg.loader.augment import Augmentation, flip_eta, flip_phi, overlay, rotate
from jetimg.loader.sparse import SparseBatch
from jetimg.loader.torch_dataset import dense
from tests.helpers.made_events import N_ETA, N_PHI, sparse

SEEDS = st.integers(0, 50)
ALL = np.ones(4, bool)


def pixels(batch: SparseBatch) -> np.ndarray:
    return dense(batch, "cpu", "raw").pixels.numpy()


def same(one: SparseBatch, two: SparseBatch) -> None:
    np.testing.assert_array_equal(pixels(one), pixels(two))
    np.testing.assert_array_equal(one.box, two.box)


def inside(batch: SparseBatch, jet: int) -> np.ndarray:
    """The pixels within a jet's box, in the box's own frame; across the seam where it wraps."""
    eta_min, phi_min, eta_max, phi_max = batch.box[jet]
    rows = np.arange(np.ceil(eta_min), np.floor(eta_max)).astype(int)
    rows = rows[(rows >= 0) & (rows < N_ETA)]
    columns = np.arange(np.ceil(phi_min), np.floor(phi_max)).astype(int) % N_PHI
    return pixels(batch)[batch.image_of_jet[jet]][:, rows][:, :, columns]


@settings(max_examples=12)
@given(SEEDS)
def test_flips_undo_themselves(seed) -> None:
    batch = sparse(4, seed)
    same(flip_eta(flip_eta(batch, ALL), ALL), batch)
    same(flip_phi(flip_phi(batch, ALL), ALL), batch)


@settings(max_examples=12)
@given(SEEDS, st.integers(-800, 800), st.integers(-800, 800))
def test_rotations_add_up_and_undo_themselves(seed, one, two) -> None:
    batch, turn = sparse(4, seed), np.ones(4, np.int64)
    same(rotate(rotate(batch, one * turn), -one * turn), batch)
    same(rotate(rotate(batch, one * turn), two * turn), rotate(batch, (one + two) * turn))


@settings(max_examples=12)
@given(SEEDS, st.integers(0, N_PHI - 1))
def test_images_move_as_arrays_do(seed, columns) -> None:
    batch = sparse(4, seed)
    before = pixels(batch)
    np.testing.assert_array_equal(pixels(rotate(batch, np.full(4, columns))), np.roll(before, columns, axis=3))
    np.testing.assert_array_equal(pixels(flip_eta(batch, ALL)), before[:, :, ::-1])
    np.testing.assert_array_equal(pixels(flip_phi(batch, ALL)), before[:, :, :, ::-1])


@settings(max_examples=12)
@given(SEEDS, st.integers(0, N_PHI - 1))
def test_boxes_follow_their_pixels(seed, columns) -> None:
    batch = sparse(3, seed, most_hits=4000, most_jets=2)
    batch = replace(batch, box=np.floor(batch.box))
    three = np.ones(3, bool)
    turned = rotate(batch, np.full(3, columns))
    mirrored, reflected = flip_eta(batch, three), flip_phi(batch, three)
    for jet in range(len(batch.pt)):
        np.testing.assert_array_equal(inside(turned, jet), inside(batch, jet))
        np.testing.assert_array_equal(inside(mirrored, jet), inside(batch, jet)[:, ::-1])
        np.testing.assert_array_equal(inside(reflected, jet), inside(batch, jet)[:, :, ::-1])


@settings(max_examples=12)
@given(SEEDS)
def test_boxes_stay_in_the_agreed_form(seed) -> None:
    batch = Augmentation()(sparse(20, seed), np.random.default_rng(seed))
    assert (batch.box[:, 1] >= 0).all()
    assert (batch.box[:, 1] < N_PHI).all()
    assert (batch.box[:, 2:] - batch.box[:, :2] == 46).all()


def test_a_box_mirrored_to_just_below_the_seam_starts_at_zero() -> None:
    batch = sparse(4, 1)
    box = batch.box.copy()
    box[:, 1], box[:, 3] = 314.0, np.nextafter(np.float32(360), np.float32(361))
    assert (flip_phi(replace(batch, box=box), ALL).box[:, 1] < N_PHI).all()


def test_only_the_chosen_images_change() -> None:
    batch, chosen = sparse(4, 2), np.array([True, False, False, True])
    before, after = pixels(batch), pixels(flip_eta(batch, chosen))
    np.testing.assert_array_equal(after[chosen], before[chosen][:, :, ::-1])
    np.testing.assert_array_equal(after[~chosen], before[~chosen])


@settings(max_examples=12)
@given(SEEDS, st.integers(2, 4))
def test_overlays_add_up_images_and_keep_all_jets(seed, together) -> None:
    batch = sparse(8, seed, most_hits=2000)
    group = np.arange(8) // together
    sums = overlay(batch, group)
    expected = np.stack([pixels(batch)[group == k].sum(axis=0) for k in range(group[-1] + 1)])
    np.testing.assert_allclose(pixels(sums), expected, rtol=1e-6)
    np.testing.assert_array_equal(sums.box, batch.box)
    np.testing.assert_array_equal(sums.image_of_jet, group[batch.image_of_jet])
    assert list(sums.event) == list(range(0, 8, together))


def test_an_overlay_of_empty_images_is_empty() -> None:
    assert not pixels(overlay(sparse(2, 0, most_hits=0), np.zeros(2, np.int64))).any()


def test_overlay_is_a_setting() -> None:
    batch = Augmentation(overlay=3)(sparse(7, 0), np.random.default_rng(0))
    assert len(batch) == 3
