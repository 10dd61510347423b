"""The manifest: what is in a data set, where every event went."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError
from jetimg.common.sealed_json import KEY
from jetimg.dataset import manifest, shard
from tests.helpers.campaigns import campaign, dataset, event_file, planned


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("manifest")
    return dataset(root / "set", planned(campaign(root / "events")))


def unsealed(folder: Path) -> dict[str, Any]:
    """Its content without the checksum, to be changed."""
    content = json.loads((folder / manifest.NAME).read_text())
    del content[KEY]
    return content


def test_shards_are_listed_with_checksum_and_size(folder: Path) -> None:
    contents = manifest.read(folder)
    assert sorted(row.name for row in contents.shards) == sorted(path.name for path in folder.glob("*.h5"))
    for row in contents.shards:
        assert row.sha256 == sha256(folder / row.name)
        assert row.bytes == (folder / row.name).stat().st_size
        assert row.split == row.name.partition("-")[0]


def test_every_input_and_where_its_events_went(folder: Path) -> None:
    contents = manifest.read(folder)
    assert [(row.name, row.sample, row.entries) for row in contents.inputs] == [
        ("bb_0.root", "bb", 30),
        ("tt_a_0.root", "tt", 20),
        ("tt_a_1.root", "tt", 21),
        ("tt_a_bad0.root", "tt", 7),
        ("tt_b_0.root", "tt", 7),
        ("tth_0.root", "tth", 5),
        ("tth_1.root", "tth", 0),
        ("tth_2.root", "tth", 15),
    ]
    for row in contents.inputs:
        assert sum(row.events.values()) == (row.entries if row.ok else 0)
        assert row.events["test"] == (row.entries if row.sample == "tth" else 0)
    by_split = dict.fromkeys(("train", "validation", "test", "heldout"), 0)
    for made in contents.shards:
        by_split[made.split] += made.n_events
    # tt: 25 expected in each file; 20, 21, 7 present and one file bad.
    expected = {"asked": 30 + 4 * 25 + 20, "present": 98, **by_split, "lost": 52}
    assert manifest.account(contents.inputs) == expected
    assert sum(by_split.values()) == 98


def test_the_same_bytes_again(folder: Path) -> None:
    before = (folder / manifest.NAME).read_bytes()
    manifest.make(planned(campaign(folder.parent / "events")), folder)
    assert (folder / manifest.NAME).read_bytes() == before


def test_a_missing_and_a_strange_shard_are_refused(tmp_path: Path) -> None:
    plan = planned([event_file(tmp_path, "tt", "tt", [40])])
    folder = dataset(tmp_path / "set", plan)
    (folder / manifest.NAME).unlink()
    shard.make(plan, "validation-00000.h5", folder / "train-00000.h5")
    with pytest.raises(DataError, match=r"train-00000\.h5: "):
        manifest.make(plan, folder)
    assert not (folder / manifest.NAME).exists()
    (folder / "train-00000.h5").unlink()
    with pytest.raises(DataError, match=r"train-00000\.h5: not a readable"):
        manifest.make(plan, folder)


def test_a_shard_of_another_split_with_as_many_events_is_refused(tmp_path: Path) -> None:
    sharding = planned([event_file(tmp_path, "tt", "tt", [40])]).sharding.model_copy(update={"events_per_shard": 4})
    plan = planned([tmp_path / "tt.h5"], sharding)
    folder = dataset(tmp_path / "set", plan)
    (folder / "train-00000.h5").write_bytes((folder / "validation-00000.h5").read_bytes())
    with pytest.raises(DataError, match=r"train-00000\.h5: .*validation"):
        manifest.make(plan, folder)


def test_no_manifest_and_a_broken_one(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match=r"no manifest\.json: not a data set, or not finished"):
        manifest.read(tmp_path)
    content = unsealed(folder)
    for change in ({"surprise": 1}, {"format_version": "3.0"}, {"shards": [{"name": "../../x.h5"}]}):
        (tmp_path / manifest.NAME).write_text(json.dumps(content | change))
        with pytest.raises(DataError, match=r"manifest\.json: not a manifest"):
            manifest.read(tmp_path)


@pytest.mark.parametrize("name", ["../outside.h5", "/etc/passwd", "a/b.h5", "..", ""])
def test_a_shards_name_stays_in_the_folder(tmp_path: Path, folder: Path, name: str) -> None:
    content = unsealed(folder)
    content["shards"][0]["name"] = name
    (tmp_path / manifest.NAME).write_text(json.dumps(content))
    with pytest.raises(DataError, match="not a manifest"):
        manifest.read(tmp_path)


def test_a_changed_text_that_nothing_else_repeats_is_noticed(tmp_path: Path, folder: Path) -> None:
    good = (folder / manifest.NAME).read_text()
    for there, instead in (
        ("a_bad0.root", "a_bad1.root"),
        ("cut off", "cut ofg"),
        ('"expected": 25', '"expected": 27'),
    ):
        assert there in good
        (tmp_path / manifest.NAME).write_text(good.replace(there, instead, 1))
        with pytest.raises(DataError, match="other content than was written"):
            manifest.read(tmp_path)


def test_a_manifest_without_a_checksum_is_read_and_said_to_be_unchecked(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / manifest.NAME).write_text(json.dumps(unsealed(folder)))
    with caplog.at_level(logging.INFO):
        assert manifest.read(tmp_path) == manifest.read(folder)
    assert [text.partition(": ")[0] for text in caplog.messages] == [str(tmp_path / manifest.NAME)]
