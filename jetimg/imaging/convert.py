"""Delphes files to one event file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jetimg.common.checksums import sha256
from jetimg.common.errors import BadFile
from jetimg.event_file import store
from jetimg.event_file.digest import digests
from jetimg.imaging import bad_values, event_columns, particle_lists, tagged_jets, truth_jets
from jetimg.imaging.channels import Setup, Tally
from jetimg.imaging.checked_images import check_values, checked_images
from jetimg.imaging.delphes_reader import PARTICLES, Chunk, DelphesFile
from jetimg.imaging.event_columns import EventError
from jetimg.imaging.provenance import provenance
from jetimg.imaging.verdicts import bad_value, check_hard_process, open_checked


@dataclass(frozen=True)
class DelphesInputs:
    """What to convert.

    Attributes:
        paths: Delphes files, in the order of their events in the output.
        sample: name of the physics sample.
        expected: events that each file should hold, if known.
    """

    paths: Sequence[str | Path]
    sample: str = "events"
    expected: int | None = None


@dataclass
class _Done:
    """How many events were done, told and remembered."""

    progress: Callable[[int], None]
    n_events: int = 0

    def more(self, n_events: int) -> None:
        self.n_events += n_events
        self.progress(n_events)


def convert(
    inputs: DelphesInputs, output: str | Path, setup: Setup, progress: Callable[[int], None] = lambda _: None
) -> list[store.InputFile]:
    """Converts Delphes files into one event file.

    A bad file gives no event, and stands in the output's /files with its verdict. A fault that shows
    only after some of a file's events were written makes the conversion start over without that file.

    Args:
        inputs: the files.
        output: the event file to make.
        setup: detector and settings.
        progress: called with the number of events done since its last call; below zero where it starts over.

    Returns:
        The rows of /files.

    Raises:
        DataError: the output cannot be written.
    """
    faults: dict[Path, BadFile] = {}
    while True:
        done = _Done(progress)
        try:
            return _convert(inputs, Path(output), setup, faults, done.more)
        except BadFile as fault:
            faults[fault.path] = fault
            progress(-done.n_events)  # it starts over


def _convert(
    inputs: DelphesInputs, output: Path, setup: Setup, faults: dict[Path, BadFile], progress: Callable[[int], None]
) -> list[store.InputFile]:
    tally = Tally()
    attributes = provenance(setup.detector, setup.settings)
    attributes |= {"kind": "events", "split": "all", "sample_names": [inputs.sample]}
    with store.create(output, attributes) as writer:
        for number, path in enumerate(map(Path, inputs.paths)):
            try:
                if path in faults:
                    raise faults[path]
                file = open_checked(path, setup.detector, setup.settings, inputs.expected)
            except BadFile as fault:
                writer.files.append(store.InputFile(str(path), "", fault.entries, fault.verdict, fault.reason))
                continue
            _convert_file(file, number, inputs.sample, setup, writer, tally, progress)
            # Not in a thread beside: where memory is short, Python waits for ever for one that could not begin.
            writer.files.append(store.InputFile(str(path), sha256(path), file.n_events))
        writer.attributes |= tally.attributes()
    return writer.files


def _convert_file(
    file: DelphesFile,
    number: int,
    sample: str,
    setup: Setup,
    writer: store.Writer,
    tally: Tally,
    progress: Callable[[int], None],
) -> None:
    entry = 0
    try:
        for chunk in file.chunks():
            batch = _batch(file, chunk, number, entry, sample, setup, tally)
            writer.append(batch)
            entry += len(batch)
            progress(len(batch))
    finally:
        file.close()
    if entry != file.n_events:
        raise BadFile(file.path, "unreadable", f"{entry} events read of {file.n_events}", file.n_events)


def _batch(
    file: DelphesFile, chunk: Chunk, number: int, entry: int, sample: str, setup: Setup, tally: Tally
) -> store.Batch:
    n_events = len(chunk["Particle.PID"].offsets) - 1
    check_hard_process(file, chunk, entry)
    # Bad values of hits are noticed where they are put into pixels; those of jets could lose a label silently.
    check_values(file, chunk, entry, [name for name in chunk if not name.startswith("EFlow")])
    channels = checked_images(file, chunk, entry, setup, tally)
    tables: dict[str, store.Columns] = {name: dict(vars(hits)) for name, hits in channels.items()}
    tables["jets"] = dict(vars(truth_jets.jets(chunk, setup.grid, setup.settings, tally.truth, sample)))
    tables["baseline"] = dict(vars(tagged_jets.tagged(chunk, n_events, setup.grid, setup.settings)))
    for name in ("jets", "baseline"):
        if (bad := bad_values.first_in_jets(name, tables[name])) is not None:
            raise bad_value(file, bad, entry)
    tables["events"] = _events(file, chunk, number, entry, n_events) | {"digest": digests(tables)}
    if most := setup.settings.particles:
        check_values(file, chunk, entry, PARTICLES)
        tables["particles"] = particle_lists.listed(chunk, most)
    return store.Batch(tables)


def _events(file: DelphesFile, chunk: Chunk, number: int, entry: int, n_events: int) -> store.Columns:
    try:
        found = event_columns.columns(chunk, n_events)
    except EventError as error:
        raise BadFile(file.path, "unreadable", f"entry {entry + error.event}: {error}", file.n_events) from error
    return found | {
        "sample": np.zeros(n_events, np.uint8),
        "file": np.full(n_events, number, np.uint32),
        "entry": np.arange(entry, entry + n_events, dtype=np.uint32),
    }
