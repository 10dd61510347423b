"""Simulated events in a ROOT file, with the tree and the branch names of real Delphes.

The same content gives the same bytes: what uproot takes from the clock is replaced. A branch with several
values an object (`Edges`, `Tau`) is flat, 2 to 5 values an object, because uproot 5.7 writes wrong offsets for
fixed-size arrays in lists.

Baskets that do not get smaller are stored raw, without a checksum: ROOT tells a compressed one by its being shorter
than what it holds. That no bit has changed since is told by the sha256 in a campaign's record of the file.
"""

import datetime
import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from detector.common.atomic import atomic_write
from detector.common.errors import DataError

TREE, PROVENANCE = "Delphes", "provenance"
THEN = datetime.datetime(2000, 1, 1)
NAMESPACE = uuid.UUID("5f0c1c0e-6a5e-5d6b-9b0a-2f3f6f6a7d11")

# Branch -> leaves, and flat branches, with their types.
_TOWER = {"ET": "f4", "Eta": "f4", "Phi": "f4", "E": "f4", "Etrk": "f4"}
_JET = {"PT": "f4", "Eta": "f4", "Phi": "f4", "Mass": "f4"}
GROUPS: dict[str, dict[str, str]] = {
    "Event": {"Number": "i8", "Weight": "f4", "TruePileUp": "f4"},
    "Particle": dict.fromkeys(("PID", "Status", "M1", "M2", "D1", "D2", "Charge"), "i4")
    | dict.fromkeys(("Mass", "E", "Px", "Py", "Pz", "PT", "Eta", "Phi"), "f4"),
    "Vertex": {"Z": "f4", "T": "f4", "NCharged": "i4"},
    "MissingET": {"MET": "f4", "Eta": "f4", "Phi": "f4"},
    "Rho": {"Rho": "f4"},
    "EFlowTrack": {"PID": "i4", "Charge": "i4", "IsPU": "i4"}
    | dict.fromkeys(("PT", "Eta", "Phi", "Mass", "EtaOuter", "PhiOuter", "Z"), "f4"),
    "EFlowPhoton": _TOWER,
    "EFlowNeutralHadron": _TOWER,
}
JET, SUBSTRUCTURE = _JET, {"SoftDroppedMass": "f4"}

# One group's leaves for several events: counts (n_events) and columns by leaf name.
Group = tuple[NDArray[np.int64], dict[str, NDArray[Any]]]


class EventFile:
    """A file that grows by batches of events; made by `create`."""

    def __init__(self, file: Any, groups: dict[str, dict[str, str]], flat: Sequence[str]) -> None:
        self._groups, self._flat = groups, flat
        self._tree = file.mktree(
            TREE,
            {name: _record_type(leaves) for name, leaves in groups.items()} | dict.fromkeys(flat, "var * float32"),
            counter_name=lambda counted: f"{counted}_size",
            field_name=lambda outer, inner: f"{outer}.{inner}",
        )

    def extend(self, batch: dict[str, Group], flat: dict[str, tuple[NDArray[np.int64], NDArray[Any]]]) -> None:
        """Adds events.

        Args:
            batch: each group's counts and columns.
            flat: each flat branch's numbers of values an event, and the values.
        """
        import awkward as ak

        columns: dict[str, Any] = {}
        for name, leaves in self._groups.items():
            counts, values = batch[name]
            arrays = [ak.contents.NumpyArray(values[leaf].astype(kind)) for leaf, kind in leaves.items()]
            columns[name] = _lists(counts, ak.contents.RecordArray(arrays, list(leaves)))
        for name in self._flat:
            counts, numbers = flat[name]
            columns[name] = _lists(counts, ak.contents.NumpyArray(numbers.astype("f4")))
        self._tree.extend(columns)


def _lists(counts: NDArray[np.int64], content: Any) -> Any:
    """Values as lists of events: the layout as it is, where `ak.zip` and `ak.unflatten` would look at all of it."""
    import awkward as ak

    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(offsets), content))


@contextmanager
def create(
    path: Path, provenance: dict[str, Any], groups: dict[str, dict[str, str]], flat: Sequence[str]
) -> Iterator[EventFile]:
    """Gives a file to fill; it appears under its name complete, or not at all.

    Args:
        path: the file to make.
        provenance: what stands in the file about its making; must be the same for the same content.
        groups: branches and their leaves with types, as GROUPS.
        flat: names of flat float32 branches.
    """
    import uproot

    text = json.dumps(provenance, sort_keys=True)
    identity = uuid.uuid5(NAMESPACE, text)
    with atomic_write(path) as partial, _stopped_clock(), partial.open("w+b") as stream:
        options = {"compression": _deflate(), "uuid_function": lambda: identity}
        with uproot.recreate(stream, **options) as file:
            yield EventFile(file, groups, flat)
            file[PROVENANCE] = text


def _deflate() -> Any:
    """Zlib's format by libdeflate: a third of zlib's time, 3 % less bytes, read by ROOT and uproot as ever."""
    import uproot

    compression = uproot.ZLIB(1)
    compression.library = "deflate"  # of this object alone: a program's own files stay as they are
    return compression


def read_provenance(path: Path) -> dict[str, Any]:
    """What a simulated file says about its making.

    Raises:
        DataError: the file was not made by this simulation; the message names it.
    """
    import uproot

    with uproot.open(path) as file:
        if PROVENANCE not in file.keys(cycle=False):
            raise DataError(f"{path}: has no `{PROVENANCE}`: not made by this simulation")
        contents: dict[str, Any] = json.loads(str(file[PROVENANCE]))
    return contents


def _record_type(leaves: dict[str, str]) -> Any:
    import awkward as ak

    empty = ak.zip({leaf: np.empty(0, kind) for leaf, kind in leaves.items()})
    return ak.unflatten(empty, np.empty(0, np.int64)).type.content


@contextmanager
def _stopped_clock() -> Iterator[None]:
    """Uproot stamps keys, directories and baskets with the time of writing; here, with one fixed time."""
    from uproot.writing import _cascade, _cascadentuple, _cascadetree, writable

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "Clock":
            return cls(THEN.year, THEN.month, THEN.day, tzinfo=tz)

    class Module:
        datetime = Clock

    with ExitStack() as stack:
        for module in (_cascade, _cascadentuple, _cascadetree, writable):
            stack.enter_context(patch.object(module, "datetime", Module))
        yield
