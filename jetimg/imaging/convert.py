"""Delphes files to one event file."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetimg.common.checksums import sha256
from jetimg.common.errors import BadFile
from jetimg.event_file import store
from jetimg.imaging import raster, tagged_jets, truth_jets
from jetimg.imaging.channels import CellError, Setup, Tally, images
from jetimg.imaging.delphes_reader import Chunk, DelphesFile
from jetimg.imaging.provenance import provenance
from jetimg.imaging.verdicts import HARD_PROCESS_REMEDY, open_checked, wrong_geometry


@dataclass(frozen=True)
class DelphesInputs:
    """What to convert.

    Attributes:
        paths: Delphes files, in the order of their events in the output.
        sample: name of the physics sample.
        expected: events that each file should hold, if known.
    """

    paths: Sequence[Path]
    sample: str = "events"
    expected: int | None = None


def convert(
    inputs: DelphesInputs, output: Path, setup: Setup, progress: Callable[[int], None] = lambda _: None
) -> list[store.InputFile]:
    """Converts Delphes files into one event file.

    A bad file gives no event, and stands in the output's /files with its verdict. A fault that shows
    only after some of a file's events were written makes the conversion start over without that file.

    Args:
        inputs: the files.
        output: the event file to make.
        setup: detector and settings.
        advance: called with the number of events done since its last call.

    Returns:
        The rows of /files.

    Raises:
        DataError: the output cannot be written.
    """
    faults: dict[Path, BadFile] = {}
    while True:
        try:
            return _convert(inputs, output, setup, faults, progress)
        except BadFile as fault:
            faults[fault.path] = fault


def _convert(
    inputs: DelphesInputs, output: Path, setup: Setup, faults: dict[Path, BadFile], progress: Callable[[int], None]
) -> list[store.InputFile]:
    tally = Tally()
    attributes = provenance(setup.detector, setup.settings)
    attributes |= {"kind": "events", "split": "all", "sample_names": [inputs.sample]}
    with store.create(output, attributes) as writer, ThreadPoolExecutor(1) as hasher:
        for number, path in enumerate(inputs.paths):
            try:
                if path in faults:
                    raise faults[path]
                file = open_checked(path, setup.detector, setup.settings, inputs.expected)
            except BadFile as fault:
                writer.files.append(store.InputFile(str(path), "", fault.entries, fault.verdict, fault.reason))
                continue
            digest = hasher.submit(sha256, path)
            _convert_file(file, number, setup, writer, tally, progress)
            writer.files.append(store.InputFile(str(path), digest.result(), file.n_events))
        writer.attributes |= tally.attributes()
    return writer.files


def _convert_file(
    file: DelphesFile, number: int, setup: Setup, writer: store.Writer, tally: Tally, progress: Callable[[int], None]
) -> None:
    entry = 0
    try:
        for chunk in file.chunks():
            batch = _batch(file, chunk, number, entry, setup, tally)
            writer.append(batch)
            entry += len(batch)
            progress(len(batch))
    finally:
        file.close()
    if entry != file.n_events:
        raise BadFile(file.path, "unreadable", f"{entry} events read of {file.n_events}", file.n_events)


def _batch(file: DelphesFile, chunk: Chunk, number: int, entry: int, setup: Setup, tally: Tally) -> store.Batch:
    n_events = len(chunk["Particle.PID"].offsets) - 1
    if not truth_jets.has_hard_process(chunk):
        raise BadFile(file.path, "no-hard-process", f"after entry {entry}: {HARD_PROCESS_REMEDY}", file.n_events)
    try:
        channels = images(chunk, setup, tally)
    except CellError as error:
        raise wrong_geometry(file, error.calorimeter, setup.detector, error) from error
    except raster.RasterError as error:
        raise BadFile(file.path, "unreadable", f"after entry {entry}: {error}", file.n_events) from error
    jets = truth_jets.jets(chunk, setup.grid, setup.settings)
    tagged = tagged_jets.tagged(chunk, n_events, setup.grid, setup.settings)
    events = {
        "sample": np.zeros(n_events, np.uint8),
        "file": np.full(n_events, number, np.uint32),
        "entry": np.arange(entry, entry + n_events, dtype=np.uint32),
        "weight": _weights(chunk, n_events),
    }
    tables = {name: dict(vars(hits)) for name, hits in channels.items()}
    return store.Batch(tables | {"jets": dict(vars(jets)), "baseline": dict(vars(tagged)), "events": events})


def _weights(chunk: Chunk, n_events: int) -> NDArray[np.float32]:
    """The generator's weight, 1 where the file has none."""
    weight = chunk.get("Event.Weight")
    return weight.content if weight is not None and len(weight.content) == n_events else np.ones(n_events, np.float32)
