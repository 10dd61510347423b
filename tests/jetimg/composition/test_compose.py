"""Images composed of single objects: what is in them, whose it is, and that it can be made again."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from jetimg.cli.main import app
from jetimg.common.errors import DataError
from jetimg.composition.composer import Composer
from jetimg.composition.settings import Composition
from jetimg.composition.write import compose
from jetimg.dataset import manifest, plan, shard
from jetimg.dataset.verify import verify
from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Reader
from jetimg.loader.sparse import SparseBatch
from tests.helpers import single_objects
from tests.helpers.single_objects import GRID

N = 60


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("objects")
    ground = single_objects.events(8, 2, objects=False)
    return [
        single_objects.write(folder / "objects.h5", single_objects.events(N, 1)),
        single_objects.write(folder / "pileup.h5", ground, "pileup"),
    ]


@pytest.fixture(scope="module")
def composed(files: list[Path]) -> Path:
    output = files[0].with_name("composed.h5")
    compose(files, output, Composition(background="pileup"), n_images=30, sample="composed", seed=5)
    return output


def test_it_is_a_whole_event_file(composed: Path) -> None:
    assert verify(composed).faults == []
    with Reader(composed) as reader:
        batch = reader.read()
    counts = np.diff(batch.tables["jets"]["indptr"])
    assert counts.min() >= 12
    assert counts.max() <= 20
    assert len(np.unique(counts)) > 3


def test_the_bytes_are_the_same_again(files: list[Path], composed: Path) -> None:
    again = composed.parent / "again" / composed.name
    again.parent.mkdir()
    compose(files, again, Composition(background="pileup"), n_images=30, sample="composed", seed=5)
    with h5py.File(again) as one, h5py.File(composed) as two:
        for table in two:
            for name in two[table]:
                if (table, name) != ("files", "name"):  # the output itself
                    np.testing.assert_array_equal(one[table][name][:], two[table][name][:])


def test_an_image_does_not_depend_on_its_neighbours(files: list[Path]) -> None:
    composer = Composer(files, Composition(background="pileup"), 5)
    together, alone = composer.compose(range(4, 8)), composer.compose([6])
    for channel in range(3):
        assert together.images.counts[channel, 2] == alone.images.counts[channel, 0]
    np.testing.assert_array_equal(together.images.box[together.images.image_of_jet == 2], alone.images.box)
    other = composer.compose([6], epoch=1)
    assert not np.array_equal(other.images.box, alone.images.box)


def test_energy_in_is_energy_out(files: list[Path]) -> None:
    composer = Composer(files, Composition(objects=(5, 5)), 7)
    made = composer.compose(range(10))
    with Reader(files[0]) as reader:
        objects = SparseBatch.of(reader.read(), np.arange(N), (GRID.n_eta, GRID.n_phi))
    energy = np.bincount(objects.image_of_hit, objects.value, N)
    found = np.bincount(made.images.image_of_hit, made.images.value, 10)
    np.testing.assert_allclose(found, energy[made.source].reshape(10, 5).sum(axis=1), rtol=1e-5)


def test_masks_of_hits_are_the_deposits_of_each_object(files: list[Path]) -> None:
    """Photons have nine pixels and pions 25; together they are all the pixels of the image."""
    made = Composer(files, Composition(mask="hits"), 7).compose([0])
    found = made.images.masks
    assert found is not None
    assert found.counts.tolist() == np.where(made.images.class_id == 0, 25, 9).tolist()
    assert set(found.pixel.tolist()) == set(made.images.pixel.tolist())
    assert len(found.pixel) > len(set(found.pixel.tolist()))  # two of them overlap


def test_boxes_lie_around_the_centres_and_some_on_the_seam(composed: Path) -> None:
    with Reader(composed) as reader:
        tables = reader.read().tables
    box, mask = tables["jets"]["box"], tables["shapes"]["box"]
    middle = (box[:, 1] + box[:, 3] - mask[:, 1] - mask[:, 3]) / 2
    assert np.abs(np.mod(middle + GRID.n_phi / 2, GRID.n_phi) - GRID.n_phi / 2).max() < 1
    assert (mask[:, 3] > GRID.n_phi).any()


def test_shards_keep_the_masks(composed: Path, tmp_path: Path) -> None:
    made = plan.make([composed], plan.Sharding(validation_fraction=0.5, test_fraction=0), [], {})
    for name in made.shards():
        shard.make(made, name, tmp_path / name)
    manifest.make(made, tmp_path)
    assert verify(tmp_path).faults == []
    with Reader(composed) as before, Reader(tmp_path / "train-00000.h5") as after:
        all_tables, tables = before.read().tables, after.read().tables
    entry = tables["events"]["entry"]
    counts = np.diff(all_tables["masks"]["indptr"])[entry]
    np.testing.assert_array_equal(np.diff(tables["masks"]["indptr"]), counts)


@pytest.mark.parametrize(
    ("table", "column", "value", "fault"),
    [
        ("masks", "jet", 900, "/masks/jet beyond"),
        ("masks", "step", 2**31, "/masks: a pixel beyond"),
        ("masks", "step", 0, "do not ascend"),
        ("shapes", "axes", -1, "/shapes/axes"),
        ("shapes", "angle", 4, "/shapes/angle"),
        ("shapes", "centre", 400, "/shapes/centre"),
        ("shapes", "box", 3, "not the box of the mask"),
    ],
)
def test_verify_finds_what_is_wrong(
    composed: Path, tmp_path: Path, table: str, column: str, value: float, fault: str
) -> None:
    path = tmp_path / "bad.h5"
    path.write_bytes(composed.read_bytes())
    with h5py.File(path, "r+") as file:
        file[table][column][4] = value
    assert any(fault in line for line in verify(path).faults)


def test_a_file_with_masks_needs_a_shape_for_each_jet(composed: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.h5"
    path.write_bytes(composed.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["shapes"]
    assert any("of /masks and /shapes one is missing" in line for line in verify(path).faults)


def test_a_data_set_of_composed_images(files: list[Path], tmp_path: Path) -> None:
    """Objects stay in their split, and the data set is whole."""
    others = single_objects.write(files[0].with_name("others.h5"), single_objects.events(20, 9), "others")
    splits = {"objects.root": "train", "others.root": "validation"}
    planned = plan.make([files[0], others], plan.Sharding(test_fraction=0), [], {}, splits)
    for name in planned.shards():
        shard.make(planned, name, tmp_path / "singles" / name)
    manifest.make(planned, tmp_path / "singles")
    call = ["compose-dataset", str(tmp_path / "singles"), "--seed", "1", "--objects", "3", "--images", "train=5"]
    output = tmp_path / "composed"
    done = CliRunner().invoke(app, [*call, "--images", "validation=4", "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert verify(output).faults == []
    assert {path.name for path in output.iterdir()} == {"train-00000.h5", "validation-00000.h5", "manifest.json"}
    with Reader(output / "validation-00000.h5") as reader, Reader(others) as singles:
        assert reader.n_events == 4
        pt = singles.read().tables["jets"]["pt"]
        assert np.isin(reader.read().tables["jets"]["pt"], pt).all()
    assert CliRunner().invoke(app, [*call, "--images", "test=4", "--output", str(output)]).exit_code == 2
    assert CliRunner().invoke(app, [*call, "--images", "heldout=4", "--output", str(output)]).exit_code == 1
    assert CliRunner().invoke(app, [*call, "--output", str(output)]).exit_code == 0, "its own kind is made again"
    shutil.copytree(tmp_path / "singles", tmp_path / "copy")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("of years")
    for name, words in (("singles", "that is read"), ("copy", "of other images"), ("mine", "holds other files")):
        before = {path: path.read_bytes() for path in (tmp_path / name).iterdir()}
        refused = CliRunner().invoke(app, [*call, "--output", str(tmp_path / name)])
        assert words in str(refused.exception)
        assert {path: path.read_bytes() for path in (tmp_path / name).iterdir()} == before


def test_what_cannot_be_composed_is_refused(files: list[Path], composed: Path) -> None:
    with pytest.raises(DataError, match="composed already"):
        Composer([composed], Composition(), 1)
    with pytest.raises(DataError, match="no events with one object"):
        Composer([files[1]], Composition(), 1)
    with pytest.raises(DataError, match="no events of sample dust; the samples are objects, pileup"):
        Composer(files, Composition(background="dust"), 1)


def test_the_command(files: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "few.h5"
    call = ["compose", *map(str, files), "--images", "3", "--seed", "1", "--objects", "2:4", "--output", str(output)]
    done = CliRunner().invoke(app, [*call, "--background", "pileup"])
    assert done.exit_code == 0, done.output
    assert f"3 images of {N} objects, 8 backgrounds" in done.output
    assert verify(output).n_events == 3
    for objects in ("4:2", "0", "many"):
        assert CliRunner().invoke(app, [*call, "--objects", objects]).exit_code == 2


def test_objects_at_the_border_stay_inside(files: list[Path]) -> None:
    made = Composer(files, Composition(shift=20, rotate=False, flip_eta=0), 3).compose(range(20))
    assert made.images.pixel.max() < GRID.size
    assert made.images.counts.sum() > 0
    assert {len(CHANNELS)} == {len(made.images.counts)}
