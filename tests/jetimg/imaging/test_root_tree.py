"""Headers of trees as uproot reads them, on every real file; what we do not know goes through uproot."""

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from jetimg.common.errors import BadFile
from jetimg.imaging.delphes_tree import DelphesTree
from jetimg.imaging.root_objects import UnknownObject, keys
from jetimg.imaging.root_tree import LORENTZ_VECTOR, Tree, read_tree


def _header(path: Path) -> Tree:
    with path.open("rb") as stream:
        return read_tree(stream, "Delphes")


def _same_as_uproot(path: Path) -> None:
    tree = _header(path)
    with uproot.open(path) as file:
        expected = file["Delphes"]
        assert tree.n_entries == expected.num_entries
        assert list(tree.branches) == expected.keys(full_paths=False)
        for branch in expected.itervalues(recursive=True):
            found = tree.branches[branch.name]
            places = found.n_entries, found.seeks, found.sizes
            members = (branch.member(name)[: branch.num_baskets].tolist() for name in ("fBasketSeek", "fBasketBytes"))
            assert places == (branch.num_entries, *members), branch.name
            if found.dtype is not None and found.dtype != LORENTZ_VECTOR:
                assert isinstance(branch.interpretation, uproot.AsJagged), branch.name
                assert (found.dtype, found.entries) == (branch.interpretation.content.from_dtype, branch.entry_offsets)
    for name in ("EFlowTrack.PT", "EFlowNeutralHadron.ET", "Particle.PID", "GenJet.PT"):
        assert tree.branches[name].dtype is not None, name


def test_headers_of_the_files_of_the_tests_are_as_uproot_reads_them(data: Path) -> None:
    for path in sorted(data.glob("*.root")):
        _same_as_uproot(path)


@pytest.mark.shared
def test_headers_of_all_real_files_are_as_uproot_reads_them(shared: Path) -> None:
    for path in [*sorted(shared.glob("*.root")), *sorted(shared.glob("tiny/*.root"))]:
        _same_as_uproot(path)


def _write(path: Path, **trees: dict[str, Any]) -> None:
    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            file.mktree(name, {branch: array.type.content for branch, array in branches.items()}).extend(branches)


NUMBERS = ak.Array([[1.0, 2.0], [], [3.0]])


def test_a_name_longer_than_a_byte_says(tmp_path: Path) -> None:
    name = f"A.{'x' * 300}"
    _write(tmp_path / "x.root", Delphes={name: NUMBERS})
    assert _header(tmp_path / "x.root").branches[name].dtype == np.dtype(">f8")


@pytest.mark.parametrize("kind", ["i2", "u1", "bool"])
def test_numbers_of_other_sizes_go_through_uproot(kind: str, tmp_path: Path) -> None:
    values = ak.values_astype(NUMBERS, np.dtype(kind))
    _write(tmp_path / "x.root", Delphes={"A.x": values})
    tree = DelphesTree(tmp_path / "x.root")
    assert tree.read("A.x", 0, 3).content.tolist() == ak.flatten(values).tolist()
    assert tree._readers["A.x"] is None
    tree.close()


@pytest.mark.parametrize("kind", ["i8", "u8", "f8", "u4"])
def test_numbers_of_eight_bytes_and_without_sign(kind: str, tmp_path: Path) -> None:
    values = ak.unflatten(np.array([1, 2**31 + 5, 7]).astype(kind), [2, 1])
    _write(tmp_path / "x.root", Delphes={"A.x": values})
    tree = DelphesTree(tmp_path / "x.root")
    found = tree.read("A.x", 0, 2).content
    assert (found.dtype, found.tolist()) == (np.dtype(kind), ak.flatten(values).tolist())
    assert tree._readers["A.x"] is not None
    tree.close()


def test_objects_that_are_no_vectors_go_through_uproot(data: Path) -> None:
    tree = DelphesTree(data / "tt.root")
    assert tree._known["EFlowPhoton.Particles"].dtype == LORENTZ_VECTOR  # both are objects of a class
    assert tree.read("JetPUPPIAK8.SoftDroppedJet", 0, 2).content.shape[1:] == (4,)
    with pytest.raises(ak.errors.FieldNotFoundError):  # of lists of references, which nobody reads
        tree.read("EFlowPhoton.Particles", 0, 2)
    assert tree._readers["EFlowPhoton.Particles"] is None
    tree.close()


def test_no_tree_of_that_name_and_two(tmp_path: Path) -> None:
    _write(tmp_path / "other.root", other={"A.x": NUMBERS})
    with pytest.raises(UnknownObject, match="not one tree"):
        _header(tmp_path / "other.root")
    with uproot.recreate(tmp_path / "two.root") as file:
        for values in (NUMBERS, NUMBERS + 1):
            file.mktree("Delphes", {"A.x": "var * float64"}).extend({"A.x": values})
    assert [key.name for key in _keys(tmp_path / "two.root")] == ["Delphes", "Delphes"]
    tree = DelphesTree(tmp_path / "two.root")  # uproot takes the last
    assert tree.read("A.x", 0, 3).content.tolist() == [2.0, 3.0, 4.0]
    tree.close()


def _keys(path: Path) -> list[Any]:
    with path.open("rb") as stream:
        return keys(stream)


def test_damaged_headers_never_give_another_tree(data: Path, tmp_path: Path) -> None:
    """A byte of the tree's record, anywhere: the same header, or a verdict."""
    whole, expected = (data / "tt.root").read_bytes(), _header(data / "tt.root")
    (key,) = [key for key in _keys(data / "tt.root") if key.name == "Delphes"]
    random, path = np.random.default_rng(1), tmp_path / "x.root"
    refused = 0
    for at in key.seek + random.integers(0, key.size, 20):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            tree = DelphesTree(path)
        except BadFile:
            refused += 1
        else:
            assert (tree.n_entries, tree.names) == (
                expected.n_entries,
                {n.partition("[")[0]: n for n in expected.branches if "." in n},
            )
            tree.close()
    assert refused > 12
