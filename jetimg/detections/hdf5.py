"""Files of detections in HDF5, readable without plugins: written event by event, read in ranges of events."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from jetimg.common import hdf5_file
from jetimg.common.atomic import atomic_write
from jetimg.common.errors import DataError
from jetimg.detections.foreign import Rows
from jetimg.detections.layout import COLUMNS, FORMAT, INDPTR, MAJOR, TABLE, VERSION, About, n_events
from jetimg.detections.table import DetectionTable
from jetimg.event_file import attributes as file_attributes
from jetimg.event_file.columns import GrowingColumn
from jetimg.event_file.full_disk import DiskFile
from jetimg.event_file.layout import Column
from jetimg.event_file.store import MAX_READ, InputFile, read_files, write_files
from jetimg.event_file.validate import check_column, check_files, datasets_inside

ROW_BYTES = sum(np.dtype(column.dtype).itemsize * column.width for column in COLUMNS.values())


class Hdf5Writer:
    """Appends detections to an open file."""

    def __init__(self, file: h5py.File, disk: DiskFile, about: About) -> None:
        self._file, self._disk, self._about = file, disk, about
        self._inputs: list[InputFile] = []
        self._rows = 0
        group = file.create_group(TABLE)
        self._columns = {name: GrowingColumn(group, name, column) for name, column in COLUMNS.items()}
        self._indptr = GrowingColumn(group, "indptr", INDPTR)
        self._indptr.append(np.zeros(1, np.int64))

    def add(self, source: InputFile, found: DetectionTable) -> None:
        """The detections of all events of one input; none of a bad one."""
        self._inputs.append(source)
        self._indptr.append(found.indptr[1:] + self._rows)
        self._rows += int(found.indptr[-1])
        for name, column in self._columns.items():
            column.append(getattr(found, name))
        self._disk.check()

    def finish(self) -> None:
        """Writes what waits in buffers, the inputs and the attributes; `complete` comes last."""
        for column in (self._indptr, *self._columns.values()):
            column.finish()
        write_files(self._file, self._inputs)
        own = {"n_events": n_events(self._inputs), "phi_pitch": 2 * np.pi / self._about.image_shape[1]}
        file_attributes.write(self._file, self._about.attributes() | own)
        self._file.flush()
        self._file.attrs["complete"] = True


@contextmanager
def create(path: Path, about: About) -> Iterator[Hdf5Writer]:
    """Makes a file of detections; it appears under its name only when it is complete.

    Raises:
        DataError: the file cannot be written.
    """
    with atomic_write(path) as partial, closing(DiskFile(partial)) as disk:
        with h5py.File(disk, "w", libver=("earliest", "v110")) as file:
            writer = Hdf5Writer(file, disk, about)
            yield writer
            writer.finish()
        disk.check()


def is_one(path: Path) -> bool:
    """Whether a file says that it holds detections; no, where it cannot be read."""
    try:
        with h5py.File(path) as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


class Reader:
    """An open file of detections.

    Attributes:
        path: the file.
        about: what it says of its detector.
        inputs: what it was made of, in the order of its events; a bad input gave no events.
        n_events: events in it, those without detections too.
    """

    def __init__(self, path: str | Path) -> None:
        """Opens a file of detections.

        Raises:
            DataError: not a complete file of detections of this version, or not what the layout says.
        """
        self.path = path = Path(path)
        self._file = hdf5_file.opened(path)
        try:
            with hdf5_file.damage_of(path):
                self._check()
        except BaseException:
            self._file.close()
            raise

    def _check(self) -> None:
        found = file_attributes.decoded(self._file, self.path)
        major = str(found.get("format_version", "")).partition(".")[0]
        if found.get("format") != FORMAT or major != str(MAJOR):
            what = f"format {found.get('format')!r}, version {found.get('format_version')!r}"
            raise DataError(f"{self.path}: {what}; expected detections of format {FORMAT!r}, version {VERSION}")
        if not found.get("complete", False):
            raise DataError(f"{self.path}: not complete: its writer was stopped; make it again")
        self.about = about_of(found, self.path)
        datasets = datasets_inside(self._file, self.path)
        for name in (TABLE, "files"):
            if name not in datasets:
                raise DataError(f"{self.path}: no group /{name}; a file of detections has {TABLE} and files")
        check_files(datasets, self.path)
        self.inputs = tuple(read_files(self._file))
        self.n_events = n_events(self.inputs)
        group = self._file[TABLE]
        self._checked(group, "indptr", INDPTR, self.n_events + 1)
        n_rows = int(group["indptr"][-1])
        for name, column in COLUMNS.items():
            self._checked(group, name, column, n_rows)

    def _checked(self, group: h5py.Group, name: str, column: Column, n_rows: int) -> None:
        if name not in group:
            raise DataError(f"{self.path}: no /{TABLE}/{name}")
        check_column(group[name], column, n_rows, self.path)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def read(self, start: int = 0, stop: int | None = None) -> DetectionTable:
        """The detections of events start to stop (the end if None).

        Raises:
            DataError: damaged, or more than is read at once.
        """
        stop = self.n_events if stop is None else min(stop, self.n_events)
        with hdf5_file.damage_of(self.path):
            indptr = self._rows(start, stop)
            group, rows = self._file[TABLE], slice(int(indptr[0]), int(indptr[-1]))
            columns = {name: group[name][rows] for name in COLUMNS}
        if np.any(columns["class_id"] >= len(self.about.class_names)):
            raise DataError(f"{self.path}: a class_id beyond the {len(self.about.class_names)} class_names")
        return DetectionTable(indptr - indptr[0], **columns)

    def _rows(self, start: int, stop: int) -> NDArray[np.int64]:
        indptr: NDArray[np.int64] = self._file[TABLE]["indptr"][start : stop + 1]
        if np.any(np.diff(indptr) < 0) or indptr[0] < 0 or (start == 0 and indptr[0] != 0):
            raise DataError(f"{self.path}: /{TABLE}/indptr does not rise from 0")
        if (n_bytes := int(indptr[-1] - indptr[0]) * ROW_BYTES) > MAX_READ:
            raise DataError(f"{self.path}: events {start} to {stop} take {n_bytes} bytes; at most {MAX_READ} at once")
        return indptr


def read_rows(path: Path) -> Rows:
    """All detections of a file, one after the other.

    Raises:
        DataError: not such a file, or damaged.
    """
    with Reader(path) as reader:
        found, about, inputs = reader.read(), reader.about, reader.inputs
    return Rows(
        event=found.event,
        class_id=found.class_id.astype(np.int64),
        class_names=about.class_names,
        score=found.score,
        pt=found.pt,
        box=found.box,
        image_shape=about.image_shape,
        inputs=inputs,
        probability=about.settings.get("probability") is not False,
    )


def about_of(found: dict[str, object], path: Path) -> About:
    """What the metadata of a file of detections say of its detector.

    Raises:
        DataError: something is missing or of another kind.
    """
    names, shape, pitch = (found.get(name) for name in ("class_names", "image_shape", "eta_pitch"))
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: class_names {names!r:.100}; expected a list of names")
    if not isinstance(shape, list) or len(shape) != 2 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise DataError(f"{path}: image_shape {shape!r:.100}; expected two numbers of pixels")
    if not isinstance(pitch, float) or not pitch > 0:
        raise DataError(f"{path}: eta_pitch {pitch!r:.100}; expected a width above 0")
    settings = found.get("settings")
    return About(
        class_names=tuple(names),
        image_shape=(shape[0], shape[1]),
        eta_pitch=pitch,
        network=str(found.get("network", "")),
        network_sha256=str(found.get("network_sha256", "")),
        settings=settings if isinstance(settings, dict) else {},
    )
