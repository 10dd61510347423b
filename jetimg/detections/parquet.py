"""Detections as Parquet, one row a detection: what pandas and polars users filter and group.

Events without detections have no row; how many events there are stands in the file's metadata, under `jetimg`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from jetimg.common.atomic import atomic_write
from jetimg.common.errors import DataError
from jetimg.common.machine_faults import raise_if_machine_fault
from jetimg.detections.foreign import Rows
from jetimg.detections.layout import CORNERS, About, n_events
from jetimg.detections.table import DetectionTable
from jetimg.event_file.store import InputFile

METADATA = b"jetimg"


class ParquetWriter:
    """Appends detections to a Parquet file, a row group or more an input."""

    def __init__(self, partial: Path, about: About) -> None:
        import pyarrow
        import pyarrow.parquet

        self._arrow, self._about = pyarrow, about
        self._inputs: list[InputFile] = []
        self._schema = self._make_schema()
        self._writer = pyarrow.parquet.ParquetWriter(partial, self._schema, compression="zstd")

    def _make_schema(self) -> Any:
        arrow = self._arrow
        text = arrow.dictionary(arrow.int32(), arrow.string())
        types = {"event": arrow.int64(), "file": text, "entry": arrow.int64(), "class_name": text}
        numbers = ("score", "pt", "eta", "phi", *CORNERS)
        return arrow.schema(
            [
                *types.items(),
                ("class_id", arrow.uint8()),
                *((name, arrow.float32()) for name in numbers),
            ]
        )

    def add(self, source: InputFile, found: DetectionTable) -> None:
        """The detections of all events of one input."""
        first, arrow = n_events(self._inputs), self._arrow
        self._inputs.append(source)
        names = arrow.array(self._about.class_names)
        zeros = np.zeros(len(found.score), np.int32)
        columns = {
            "event": first + found.event,
            "file": arrow.DictionaryArray.from_arrays(zeros, arrow.array([source.name])),
            "entry": found.event,
            "class_name": arrow.DictionaryArray.from_arrays(found.class_id.astype(np.int32), names),
            "class_id": found.class_id,
            "score": found.score,
            # Not measured is null to whoever reads tables.
            "pt": arrow.array(found.pt, from_pandas=True),
            "eta": found.eta,
            "phi": found.phi,
        }
        columns |= {name: found.box[:, k] for k, name in enumerate(CORNERS)}
        if len(found.score):
            self._writer.write_table(arrow.table(columns, schema=self._schema))

    def finish(self) -> None:
        """Writes the metadata and closes the file."""
        about = self._about.attributes() | {"n_events": n_events(self._inputs)}
        about["inputs"] = [asdict(row) for row in self._inputs]
        self._writer.add_key_value_metadata({METADATA: json.dumps(about).encode()})
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()


@contextmanager
def create(path: Path, about: About) -> Iterator[ParquetWriter]:
    """Makes a Parquet file; it appears under its name only when it is complete.

    Raises:
        DataError: the file cannot be written.
    """
    with atomic_write(path) as partial:
        writer = ParquetWriter(partial, about)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


def is_one(path: Path) -> bool:
    """Whether a Parquet file holds detections of ours; no, where it cannot be read."""
    import pyarrow
    import pyarrow.parquet

    try:
        return METADATA in (pyarrow.parquet.read_metadata(path).metadata or {})
    except (OSError, pyarrow.ArrowException):
        return False


# Of others: the class by name or number, the place as a box or as an axis.
NEEDED = ("event", "score")


def read(path: Path) -> Rows:
    """Detections, ours or those of others; see docs/models.md for the columns.

    Raises:
        DataError: not a Parquet file, or columns are missing or of another kind.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            text = (file.metadata.metadata or {}).get(METADATA)
            wanted = {*NEEDED, "class_name", "class_id", "pt", "eta", "phi", *CORNERS}
            table = file.read([name for name in file.schema_arrow.names if name in wanted])
    except (OSError, pyarrow.ArrowException) as error:
        raise_if_machine_fault(error, path)
        raise DataError(f"{path}: not a readable Parquet file: {' '.join(str(error).split())}") from error
    if missing := [name for name in NEEDED if name not in table.column_names]:
        raise DataError(f"{path}: no column {missing[0]}; it has {', '.join(table.column_names)}")
    try:
        return _rows(table, text, path)
    except (pyarrow.ArrowException, ValueError, TypeError) as error:
        raise DataError(f"{path}: columns of other kinds than expected: {' '.join(str(error).split())}") from error


def _column(table: Any, name: str, kind: Any) -> Any:
    """A column's numbers.

    Raises:
        ValueError: whole numbers are wanted, and others are there.
    """
    values = table[name].to_numpy()
    if np.issubdtype(kind, np.integer) and not np.array_equal(values, np.rint(values.astype(np.float64))):
        raise ValueError(f"{name} has values that are no whole numbers")
    return np.asarray(values, kind)


def _rows(table: Any, text: bytes | None, path: Path) -> Rows:
    column = partial(_column, table)
    there, n_rows = set(table.column_names), table.num_rows
    about = json.loads(text) if text else {}
    class_id, names = _classes(table, about, path)
    corners = [column(name, np.float32) for name in CORNERS] if there >= set(CORNERS) else None
    if corners is None and not there >= {"eta", "phi"}:
        raise DataError(f"{path}: neither {', '.join(CORNERS)} nor eta, phi")
    shape, inputs = about.get("image_shape"), about.get("inputs")
    return Rows(
        event=column("event", np.int64),
        class_id=class_id,
        class_names=names,
        score=column("score", np.float32),
        pt=column("pt", np.float32) if "pt" in there else np.full(n_rows, np.nan, np.float32),
        box=None if corners is None else np.stack(corners, axis=1),
        eta=None if corners else column("eta", np.float64),
        phi=None if corners else column("phi", np.float64),
        image_shape=(int(shape[0]), int(shape[1])) if shape else None,
        inputs=[InputFile(**row) for row in inputs] if inputs else None,
        probability=about.get("settings", {}).get("probability") is not False,
    )


def _classes(table: Any, about: dict[str, Any], path: Path) -> tuple[Any, tuple[str, ...]]:
    """Classes by name where there are names, else by number; of our own files, those too that were never found."""
    if "class_id" in table.column_names and about.get("class_names"):
        return _column(table, "class_id", np.int64), tuple(map(str, about["class_names"]))
    if "class_name" in table.column_names:
        names, class_id = np.unique(np.asarray(table["class_name"].to_numpy(), str), return_inverse=True)
        return class_id.astype(np.int64), tuple(names.tolist())
    if "class_id" in table.column_names:
        return _column(table, "class_id", np.int64), ()
    raise DataError(f"{path}: no column class_name or class_id")
