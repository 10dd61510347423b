"""Detections as Parquet, one row a detection: what pandas and polars users filter and group.

Events without detections have no row; how many events there are stands in the file's metadata, under `jetimg`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from jetimg.common.atomic import atomic_write
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
