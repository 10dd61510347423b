"""Our reading of baskets against uproot's, on every real file; and what it says of damaged ones."""

import struct
from pathlib import Path
from typing import Any

import awkward as ak
import deflate
import numpy as np
import pytest
import uproot

from jetimg.imaging.baskets import JaggedBranch
from jetimg.imaging.delphes_tree import DelphesTree
from jetimg.imaging.root_objects import UnknownObject
from jetimg.imaging.root_tree import read_tree

# Ranges that begin and end inside baskets, at their borders, and nowhere.
RANGES = [(0, 1), (0, 2), (1, 2), (0, 0), (2, 5), (4, 7), (3, 25)]


def _fields(array: Any) -> Any:
    content = ak.to_packed(array).layout.content
    if content.is_record:
        space = content["fP"]
        return np.stack([space["fX"].data, space["fY"].data, space["fZ"].data, content["fE"].data], axis=1)
    return ak.to_numpy(content)


def _same_as_uproot(path: Path, names: list[str], ranges: list[tuple[int, int]]) -> None:
    tree, uproots = DelphesTree(path), uproot.open(path)["Delphes"]
    for name in names:
        whole = uproots[name].array()
        for start, stop in ranges:
            found, expected = tree.read(name, start, stop), whole[start:stop]
            assert tree._readers[name] is not None, name  # it was our reader
            assert np.diff(found.offsets).tolist() == ak.num(expected, axis=1).tolist(), name
            np.testing.assert_array_equal(found.content, _fields(expected), err_msg=name)
            assert found.offsets.dtype == np.int64
            assert found.content.dtype.isnative
    tree.close()


def _jagged(path: Path) -> list[str]:
    """Jagged leaves of numbers but fBits (of a referenced object ROOT writes more), and the one of vectors we read."""
    with uproot.open(path) as root:
        leaves = [leaf for leaf in root["Delphes"].itervalues(recursive=True) if "." in leaf.name]
        kinds = {leaf.name: leaf.interpretation for leaf in leaves if not leaf.name.endswith(".fBits")}
    jagged = {name: kind.content for name, kind in kinds.items() if isinstance(kind, uproot.AsJagged)}
    numbers = [name for name, content in jagged.items() if type(content) is uproot.AsDtype]
    return [*numbers, "JetPUPPIAK8.SoftDroppedJet"]


def test_every_branch_of_a_real_file_is_as_uproot_reads_it(data: Path) -> None:
    path = data / "tt.root"
    names = _jagged(path)
    assert len(names) > 100
    _same_as_uproot(path, names, [(0, 2), (1, 2)])


@pytest.mark.shared
def test_ranges_across_baskets_are_as_uproot_reads_them(shared: Path) -> None:
    path = shared / "tt_0.root"
    with uproot.open(path) as root:
        assert root["Delphes"]["EFlowPhoton.Edges[4]"].num_baskets > 2
    _same_as_uproot(path, ["EFlowPhoton.ET", "EFlowPhoton.Edges[4]", "Particle.PID"], RANGES)


def _write(path: Path, compression: Any, step: int = 3) -> ak.Array:
    numbers = ak.Array([[k // 9 for k in range(n * 100)] for n in (2, 0, 3, 1, 0, 4, 5)])
    values = ak.values_astype(numbers, np.float32)
    with uproot.recreate(path, compression=compression) as file:
        tree = file.mktree("Delphes", {"A.x": "var * float32"})
        for start in range(0, len(values), step):
            tree.extend({"A.x": values[start : start + step]})
    return values


def _read(path: Path, start: int, stop: int) -> list[list[float]]:
    tree = DelphesTree(path)
    found = tree.read("A.x", start, min(stop, tree.n_entries))
    tree.close()
    return [found.content[i:j].tolist() for i, j in zip(found.offsets, found.offsets[1:], strict=False)]


@pytest.mark.parametrize("compression", [uproot.ZLIB(1), uproot.ZLIB(9), uproot.LZMA(1), None])
@pytest.mark.parametrize("step", [1, 3])
def test_any_compression_gives_the_same_values(compression: Any, step: int, tmp_path: Path) -> None:
    values = _write(tmp_path / "x.root", compression, step).tolist()
    for start in range(len(values)):
        for stop in (start + 1, start + 4):
            assert _read(tmp_path / "x.root", start, stop) == values[start:stop]


def _read_baskets(path: Path) -> None:
    with path.open("rb") as stream:
        JaggedBranch(read_tree(stream, "Delphes").branches["A.x"], stream).read(0, 2)


def _basket(path: Path, number: int = 0) -> tuple[int, int, int]:
    """Where a basket begins, its size, and the size of its key."""
    with uproot.open(path) as root:
        branch = root["Delphes"]["A.x"]
        seek, size = (int(branch.member(name)[number]) for name in ("fBasketSeek", "fBasketBytes"))
    return seek, size, struct.unpack_from(">h", path.read_bytes(), seek + 14)[0]


def _patch(path: Path, at: int, new: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[at : at + len(new)] = new
    path.write_bytes(content)


def test_other_compressions_are_left_to_uproot(tmp_path: Path) -> None:
    _write(tmp_path / "x.root", uproot.LZMA(1), 7)
    with pytest.raises(UnknownObject, match="XZ"):
        _read_baskets(tmp_path / "x.root")


def test_damaged_baskets_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.root"
    _write(path, None, 7)
    seek, size, n_key = _basket(path)
    whole = path.read_bytes()
    cases = {
        (seek, struct.pack(">i", size - 1)): "not one of",
        (seek, bytes(size)): "not one of",
        (seek + 14, struct.pack(">h", 9)): "not one of",
        (seek + n_key - 9, struct.pack(">i", 6)): "has 6 entries",
        (seek + size - 8, struct.pack(">i", n_key + 2)): "do not rise",
        (seek + size - 8, struct.pack(">i", 2**30)): "do not rise",
    }
    for (at, new), message in cases.items():
        path.write_bytes(whole)
        _patch(path, at, new)
        with pytest.raises(ValueError, match=message):
            _read_baskets(path)


def test_a_compressed_basket_of_other_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.root"
    _write(path, uproot.ZLIB(1), 7)
    seek, _, n_key = _basket(path)
    whole = path.read_bytes()
    assert whole[seek + n_key : seek + n_key + 2] == b"ZL"
    _patch(path, seek + n_key + 20, b"\xff\xff\xff")
    with pytest.raises(deflate.DeflateError):
        _read_baskets(path)
    path.write_bytes(whole)
    _patch(path, seek + 6, struct.pack(">i", 5))
    with pytest.raises(ValueError, match="its key says 5"):
        _read_baskets(path)
