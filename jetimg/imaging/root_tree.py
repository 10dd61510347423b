"""What a tree's header says of its branches: what they hold, and where their baskets are.

The classes TTree, TBranch, TBranchElement and TLeaf as ROOT 6 and uproot write them (tree/tree/inc, in the versions
named below). Building uproot's models of them, and importing uproot, takes longer than converting 1,000 events.
"""

import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from jetimg.imaging.root_objects import Streamed, UnknownObject, keys, streamed

# TTree: entries, then 10 numbers of which only the ranges of clusters are needed here, then 6 more.
_TREE = struct.Struct(">qqqqqdiiiiIqqqqqq")
_TREES, _BRANCHES, _ELEMENTS, _LEAVES = (19, 20), (12, 13), (9, 10), (1, 2)
_WITH_FEATURES = {"tree": 20, "branch": 13}

# TBranch: compression, basket size, offset length, baskets written, entries; offset, place for baskets, split level,
# entries, first entry, bytes.
_FIRST, _SECOND = struct.Struct(">iiiiq"), struct.Struct(">iiiqqqq")
# TBranchElement, after its names: checksum, class version, number, type, type in the streamer, maximum.
_ELEMENT = struct.Struct(">IHiiii")
# TLeaf: values an object, bytes, offset, whether there is a range, no sign.
_LEAF = struct.Struct(">iiibb")

# TStreamerInfo's numbers of types of 4 or 8 bytes; of an array of fixed size 20 more.
_TYPES = {3: "i4", 4: "i8", 5: "f4", 8: "f8", 13: "u4", 14: "u8", 16: "i8", 17: "u8"}
_FIXED, _IN_CLONES, _CLASS = 20, 31, 61
_LEAF_TYPES = {"TLeafF": "f4", "TLeafD": "f8", "TLeafI": "i4", "TLeafL": "i8"}

# A TLorentzVector as ROOT streams it whole: counts of bytes and versions of it and of its TVector3, two TObjects.
LORENTZ_VECTOR = np.dtype(
    {
        "names": ["head", "space head", "x", "y", "z", "E"],
        "formats": [">u8", ">u8", ">f8", ">f8", ">f8", ">f8"],
        "offsets": [0, 16, 32, 40, 48, 56],
        "itemsize": 64,
    }
)


@dataclass(frozen=True)
class Branch:
    """A branch.

    Attributes:
        name: its full name.
        dtype: of an object's values, big-endian, of 4 or 8 bytes each, if an entry holds a variable number of objects;
            None if only uproot knows.
        n_entries: entries.
        seeks, sizes: where its baskets begin, and their bytes.
        entries: the first entry of each basket, and the end.
    """

    name: str
    dtype: np.dtype[Any] | None
    n_entries: int
    seeks: list[int]
    sizes: list[int]
    entries: list[int]


@dataclass(frozen=True)
class Tree:
    """A tree: its number of entries, and all its branches by their names."""

    n_entries: int
    branches: dict[str, Branch]


@dataclass(frozen=True)
class _Leaf:
    kind: str
    length: int
    unsigned: bool
    counted: bool


def read_tree(stream: BinaryIO, name: str) -> Tree:
    """The header of a tree in a file's main directory.

    Raises:
        UnknownObject: there is none of this name, or several, or it is of a kind that only uproot reads.
        Exception: whatever damaged bytes give.
    """
    found = [key for key in keys(stream) if key.name == name]
    if len(found) != 1 or found[0].kind != "TTree":
        raise UnknownObject(f"not one tree `{name}`: {found}")
    data = streamed(stream, found[0])
    version, _ = data.version()
    if version not in _TREES:
        raise UnknownObject(f"a tree of version {version}")
    for _ in ("TNamed", "TAttLine", "TAttFill", "TAttMarker"):
        data.skip()
    n_entries, *_, n_ranges, _, _, _, _, _, _ = data.take(_TREE)
    data.at += 2 * (1 + 8 * n_ranges)
    if version >= _WITH_FEATURES["tree"]:
        data.skip()
    branches: list[Branch] = []
    _read_branches(data, branches)
    named = {branch.name: branch for branch in branches}
    if len(named) != len(branches):
        raise UnknownObject("branches of the same name")
    return Tree(n_entries, named)


def _read_branches(data: Streamed, found: list[Branch]) -> None:
    """A TObjArray of branches, each followed by those inside it."""
    for _ in range(data.array()):
        if (one := data.pointer()) is None:
            raise UnknownObject("no branch where one should be")
        kind, end = one
        if kind == "TBranchElement":
            _known("branch", data.version()[0], _ELEMENTS)
        elif kind != "TBranch":
            raise UnknownObject(f"a branch of the class {kind}")
        _read_branch(data, kind, found)
        data.at = end


def _read_branch(data: Streamed, kind: str, found: list[Branch]) -> None:
    version, end = data.version()
    _known("branch", version, _BRANCHES)
    name, _ = data.named()
    data.skip()
    _, _, _, written, _ = data.take(_FIRST)
    if version >= _WITH_FEATURES["branch"]:
        data.skip()
    _, places, _, n_entries, *_ = data.take(_SECOND)
    inside: list[Branch] = []
    _read_branches(data, inside)
    leaves = _read_leaves(data)
    data.skip()  # baskets in the header
    sizes, entries, seeks = (_numbers(data, places, kind) for kind in (">i4", ">i8", ">i8"))
    elsewhere = data.text()
    data.at = end
    n_baskets = next((n for n, seek in enumerate(seeks) if seek == 0 or n == written), places)
    dtype = _dtype(data, name, kind, leaves)
    if elsewhere or n_baskets == 0 or entries[n_baskets : n_baskets + 1] != [n_entries]:
        dtype = None
    found.append(Branch(name, dtype, n_entries, seeks[:n_baskets], sizes[:n_baskets], entries[: n_baskets + 1]))
    found += inside


def _known(what: str, version: int, versions: tuple[int, ...]) -> None:
    if version not in versions:
        raise UnknownObject(f"a {what} of version {version}")


def _numbers(data: Streamed, number: int, kind: str) -> list[int]:
    """An array behind a byte that says whether there is one."""
    found = np.frombuffer(data.data, kind, number, data.at + 1)
    data.at += 1 + found.nbytes
    return list(map(int, found))


def _read_leaves(data: Streamed) -> list[_Leaf]:
    found = []
    for _ in range(data.array()):
        if (one := data.pointer()) is None:
            continue  # the leaf of a branch of objects, which came before: it counts those of the branches inside
        kind, end = one
        data.version()
        _known("leaf", data.version()[0], _LEAVES)
        data.named()
        length, _, _, _, unsigned = data.take(_LEAF)
        (counter,) = struct.unpack_from(">I", data.data, data.at)
        found.append(_Leaf(kind, length, bool(unsigned), counter != 0))
        data.pointer()
        data.at = end
    return found


def _dtype(data: Streamed, name: str, kind: str, leaves: list[_Leaf]) -> np.dtype[Any] | None:
    """What an object's values are; None if the entries do not hold a variable number of numbers."""
    if len(leaves) != 1 or not leaves[0].counted:
        return None
    leaf = leaves[0]
    if kind == "TBranch":
        plain = _LEAF_TYPES.get(leaf.kind)
        if plain is None or leaf.length != 1:
            return None
        return np.dtype(f">{'u' + plain[1:] if leaf.unsigned else plain}")
    for _ in ("class", "parent", "clones"):
        data.text()
    *_, place, streamer, _ = data.take(_ELEMENT)
    if place != _IN_CLONES:
        return None
    if streamer == _CLASS:
        return LORENTZ_VECTOR  # or another class, as its baskets tell
    if streamer in _TYPES and leaf.length == 1:
        return np.dtype(f">{_TYPES[streamer]}")
    if streamer - _FIXED in _TYPES and name.endswith(f"[{leaf.length}]") and name.count("[") == 1:
        return np.dtype((f">{_TYPES[streamer - _FIXED]}", (leaf.length,)))
    return None
