import io
import re

import h5py
import pytest
import uproot
from rich.console import Console

from jetimg.common.errors import DataError
from jetimg.event_file.store import Reader
from jetimg.imaging.channels import Setup
from jetimg.imaging.convert import DelphesInputs, convert
from jetimg.imaging.settings import ImageSettings
from jetimg.reports.inspect import describe


def text_of(path, *args):
    page = io.StringIO()
    Console(file=page, width=250).print(describe(path, *args))
    return page.getvalue()


def row(text, name):
    """The cells of the first table row with this name."""
    (line, *_) = (line for line in text.splitlines() if re.match(rf"│ {re.escape(name)} ", line))
    return [part.strip() for part in line.strip("│").split("│")]


@pytest.fixture(scope="module")
def made(tmp_path_factory, make_events, made_event):
    events = [
        made_event(0, {"tracker": [(1, 1.0), (2, 1.0), (3, 1.0)]}, [(1, 400.0, 0.0, 0.0), (1, 50.0, 0.0, 0.0)]),
        made_event(1, {"ecal": [(1, 1.0)]}, [(3, 300.0, 0.0, 0.0)]),
        made_event(1),
        made_event(1),
    ]
    path = tmp_path_factory.mktemp("inspect") / "made.h5"
    return make_events(path, events, sample_names=("tt", "WW"), split="validation")


def test_kind_split_and_events(made, event_file):
    assert re.search(r"kind +shard\n", re.sub(" +\n", "\n", text_of(made)))
    assert re.search(r"split +validation", text_of(made))
    assert re.search(r"events +4 ", text_of(made))
    assert re.search(r"kind +event file", text_of(event_file))


def test_samples_have_their_events(made):
    assert row(text_of(made), "tt") == ["tt", "1"]
    assert row(text_of(made), "WW") == ["WW", "3"]


def test_classes_have_jets_and_pt_range(made):
    text = text_of(made)
    assert row(text, "t") == ["t", "2", "0.5", "50", "400"]
    assert row(text, "V") == ["V", "1", "0.25", "300", "300"]
    assert row(text, "H") == ["H", "0", "0", "-", "-"]


def test_hits_an_event(made):
    text = text_of(made)
    assert row(text, "tracker")[:3] == ["tracker", "3", "0.75"]
    assert row(text, "hcal")[:3] == ["hcal", "0", "0"]


def test_stored_bytes_are_those_of_the_file(event_file):
    with h5py.File(event_file) as file:
        stored = sum(column.id.get_storage_size() for column in file["ecal"].values())
    found = row(text_of(event_file), "ecal")[3]
    assert found == f"{stored / 2 / 1000:.3g} kB"


def test_settings_detector_and_software(event_file):
    text = text_of(event_file)
    with Reader(event_file) as reader:
        digest = reader.attributes["detector_sha256"]
    for part in ("truth status", "nested all", f"sha256 {digest[:12]}...", "numpy ", "340 x 360 pixels"):
        assert part in text


def test_names_with_brackets_are_printed_as_they_are(made):
    assert "somewhere/made[1].root" in text_of(made)


def test_bad_inputs_stand_first_with_verdict_and_reason(data, setup, tmp_path):
    bad = [data / "no_hard_process_tt.root", tmp_path / "gone.root"]
    convert(DelphesInputs([data / "tt.root", *bad], "tt"), tmp_path / "x.h5", setup)
    text = text_of(tmp_path / "x.h5")
    assert "Inputs: 3 files, 2 of them bad" in text
    assert row(text, str(bad[0]))[2] == "no-hard-process"
    assert row(text, str(bad[1]))[2:] == ["unreadable", "no such file"]
    assert text.index("gone.root") < text.index(f"{data / 'tt.root'}")


def test_an_event_file_without_events(make_events, tmp_path):
    text = text_of(make_events(tmp_path / "none.h5", []))
    assert row(text, "tracker")[:4] == ["tracker", "0", "-", "-"]


def test_delphes_file(data):
    text = text_of(data / "tt.root")
    assert re.search(r"tree +Delphes, 2 events", text)
    assert re.search(r"verdict +ok", text)
    assert row(text, "EFlowPhoton.Edges") == ["EFlowPhoton.Edges", "required", "yes"]
    assert row(text, "JetPUPPIAK8.Tau") == ["JetPUPPIAK8.Tau", "baseline, baseline with mass", "yes"]
    assert row(text, "JetPUPPIAK8.SoftDroppedMass")[2] == "no"


def test_branches_depend_on_the_settings(data, setup):
    text = text_of(data / "tt.root", Setup(setup.detector, ImageSettings(source="tower")))
    assert row(text, "Tower.Eem") == ["Tower.Eem", "required", "no"]
    assert re.search(r"verdict +missing-branch: .*Tower\.Eem", text)


def test_delphes_file_without_hard_process_says_what_to_do(data):
    assert re.search(r"verdict +no-hard-process: .*StatusPidFilter", text_of(data / "no_hard_process_tt.root"))


def test_truncated_delphes_file(data, tmp_path):
    path = tmp_path / "cut.root"
    path.write_bytes((data / "tt.root").read_bytes()[:100_000])
    assert re.search(r"verdict +truncated", text_of(path))


def test_root_file_without_the_tree(tmp_path):
    path = tmp_path / "other.root"
    with uproot.recreate(path) as file:
        file["Events"] = {"x": [1.0]}
    assert re.search(r"verdict +no-tree: .*Events", text_of(path))


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "it is empty"), (b"GIF89a..", "it begins with b'GIF89a..'")],
)
def test_other_files_are_refused(tmp_path, content, found):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        describe(path)
    assert str(path) in str(error.value)
    assert found in str(error.value)
    assert "expected an event file or a shard (HDF5), or a Delphes file (ROOT)" in str(error.value)


def test_other_hdf5_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["numbers"] = [1, 2]
    with pytest.raises(DataError, match=r"format None.*expected an event file"):
        describe(tmp_path / "x.h5")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        describe(tmp_path / "gone.h5")
    with pytest.raises(DataError, match="a folder; name one of its files"):
        describe(tmp_path)
