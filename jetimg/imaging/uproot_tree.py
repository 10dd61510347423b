"""Trees and branches that our own reader does not know, and files with faults, read by uproot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import BadFile
from jetimg.imaging.baskets import Jagged
from jetimg.imaging.delphes_stream import DelphesStream

if TYPE_CHECKING:
    import awkward as ak


class UprootTree:
    """A tree, opened by uproot, which is imported here and not before.

    Attributes:
        n_entries: its entries.
        names: of all its branches, as they stand in the file.
    """

    def __init__(self, path: Path, stream: DelphesStream, name: str) -> None:
        """Finds the tree of this name; closes the stream where it fails.

        Raises:
            BadFile: unreadable or no-tree.
            MachineFault: the file cannot be read, for a reason that is not the file's.
        """
        self._tree = _open_tree(path, stream, name)
        self.n_entries = int(self._tree.num_entries)
        self.names: list[str] = self._tree.keys(full_paths=False)

    def read(self, name: str, start: int, stop: int) -> Jagged:
        """Entries start to stop of a branch."""
        return _flat(self._tree[name].array(entry_start=start, entry_stop=stop, library="ak"))

    def entries_and_end(self, name: str) -> tuple[int, int]:
        """Entries of a branch, and the last byte of its baskets."""
        branch = self._tree[name]
        ends = np.asarray(branch.member("fBasketSeek")[: branch.num_baskets], dtype=np.int64)
        ends = ends + np.asarray(branch.member("fBasketBytes")[: branch.num_baskets], dtype=np.int64)
        return int(branch.num_entries), int(ends.max(initial=0))


def _open_tree(path: Path, stream: DelphesStream, name: str) -> Any:
    import uproot

    try:
        file = uproot.open(stream, object_cache=None, array_cache=None, use_threads=False)
        names = file.keys(recursive=False, cycle=False)
        tree = file[name] if name in names else None
    except Exception as error:  # as above: damaged bytes make uproot raise almost anything
        stream.close()
        stream.raise_if_machine_fault(error)
        raise BadFile(path, "unreadable", one_line(error)) from error
    if not isinstance(tree, uproot.TTree):
        stream.close()
        what = f"no tree `{name}`; the file holds {', '.join(names) or 'nothing'}"
        if tree is not None:
            kind = "an RNTuple" if "RNTuple" in type(tree).__name__ else f"a {type(tree).__name__}"
            what = f"`{name}` is {kind}, not a TTree"
        raise BadFile(path, "no-tree", f"{what}; files come from Delphes, or from `jetimg detector simulate`")
    return tree


def _flat(array: ak.Array) -> Jagged:
    import awkward as ak

    layout = array.layout
    if isinstance(layout, ak.contents.ListArray):
        layout = layout.to_ListOffsetArray64(True)
    offsets = np.asarray(layout.offsets, dtype=np.int64)
    content = layout.content[offsets[0] : offsets[-1]]
    return Jagged(offsets - offsets[0], _values(content))


def _values(content: ak.contents.Content) -> NDArray[Any]:
    import awkward as ak

    if isinstance(content, ak.contents.RecordArray):  # TLorentzVector: (px, py, pz, E)
        space = content["fP"]
        return np.stack([_values(part) for part in (space["fX"], space["fY"], space["fZ"], content["fE"])], axis=1)
    return np.asarray(ak.to_numpy(content))


def one_line(error: Exception) -> str:
    """A parser's error, short."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"
