"""Files that share events are refused by what is in them, whatever their names and bytes."""

from pathlib import Path

import numpy as np
import pytest

from detector import load
from jetimg.common.errors import DataError
from jetimg.dataset import plan
from jetimg.event_file.digest import digests
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from tests.helpers.batches import random_batch
from tests.helpers.batches import write as write_events
from tests.helpers.handmade import branches, write

SETUP = Setup(load(), ImageSettings())


def planned(*paths: Path) -> plan.Plan:
    return plan.make(list(paths), plan.Sharding(), [], {})


def test_the_short_output_of_a_killed_job_beside_its_rerun(tmp_path: Path) -> None:
    inputs = [write(tmp_path / "rerun.root", branches(5)), write(tmp_path / "killed.root", branches(3))]
    convert(DelphesInputs(inputs), tmp_path / "both.h5", SETUP)
    reason = r"killed\.root and .*rerun\.root share events: 3 of the first are in the second, entry 0 as entry 0"
    with pytest.raises(DataError, match=reason) as caught:
        planned(tmp_path / "both.h5")
    assert "\n" not in str(caught.value)


def test_a_copy_with_other_bytes_in_another_sample(tmp_path: Path) -> None:
    made = branches(3)
    convert(DelphesInputs([write(tmp_path / "a.root", made)], "bb"), tmp_path / "a.h5", SETUP)
    made["Event.Weight"] = [[2.0]] * 3
    convert(DelphesInputs([write(tmp_path / "b.root", made)], "tt"), tmp_path / "b.h5", SETUP)
    with pytest.raises(DataError, match=r"b\.root and .*a\.root share events: 3 of"):
        planned(tmp_path / "a.h5", tmp_path / "b.h5")


def test_an_event_twice_in_one_file(tmp_path: Path) -> None:
    made = branches(4)
    made["EFlowTrack.PT"][3] = made["EFlowTrack.PT"][1]
    convert(DelphesInputs([write(tmp_path / "x.root", made)]), tmp_path / "x.h5", SETUP)
    with pytest.raises(DataError, match=r"x\.root: entries 1 and 3 are the same event"):
        planned(tmp_path / "x.h5")


def test_events_without_hits_or_digest_are_not_compared(tmp_path: Path) -> None:
    batch = random_batch(np.random.default_rng(1), 6)
    batch.tables["events"]["digest"][:] = 0
    paths = [write_events(tmp_path / f"{k}.h5", batch, digest=f"{k}" * 64) for k in (1, 2)]
    assert sum(planned(*paths).shards().values()) == 12


def test_digests_tell_channels_pixels_values_and_order_apart() -> None:
    batch = random_batch(np.random.default_rng(2), 40)
    found = digests(batch.tables)
    assert (found.dtype, len(set(found.tolist()))) == (np.uint64, 40)
    order = np.random.default_rng(3).permutation(40)
    np.testing.assert_array_equal(digests(batch.take(order).tables), found[order])
    for channel in ("tracker", "ecal", "hcal"):
        for column in ("pixel", "value"):
            tables = {name: dict(columns) for name, columns in batch.tables.items()}
            tables[channel][column] = tables[channel][column].copy()
            tables[channel][column][0] += 1
            assert np.sum(digests(tables) != found) == 1
    swapped = batch.tables | {"ecal": batch.tables["hcal"], "hcal": batch.tables["ecal"]}
    assert np.all(digests(swapped) != found)
