"""The images of a Delphes file's events, with a verdict where they cannot be made."""

from collections.abc import Iterable, Iterator

import numpy as np

from jetimg.common.errors import BadFile
from jetimg.event_file import store
from jetimg.event_file.layout import CHANNELS
from jetimg.imaging import bad_values, raster
from jetimg.imaging.channels import CellError, Setup, Tally, images
from jetimg.imaging.delphes_reader import Chunk, DelphesFile
from jetimg.imaging.verdicts import bad_value, wrong_geometry


def checked_images(file: DelphesFile, chunk: Chunk, entry: int, setup: Setup, tally: Tally) -> dict[str, raster.Hits]:
    """The three channels of a chunk.

    Args:
        file: where it comes from.
        chunk: of events from `entry` on.
        entry: of its first event.
        setup: detector and settings.
        tally: counts, added to.

    Raises:
        BadFile: with the verdict.
    """
    try:
        return images(chunk, setup, tally)
    except CellError as error:
        check_values(file, chunk, entry)
        raise wrong_geometry(file, error.calorimeter, setup.detector, error) from error
    except raster.RasterError as error:
        check_values(file, chunk, entry)
        raise BadFile(file.path, "bad-value", f"after entry {entry}: {error}", file.n_events) from error


def check_values(file: DelphesFile, chunk: Chunk, entry: int, names: Iterable[str] | None = None) -> None:
    """Refuses numbers that no event can have.

    Args:
        file: where the chunk comes from.
        chunk: of events from `entry` on.
        entry: of its first event.
        names: branches; all of the chunk if None.

    Raises:
        BadFile: bad-value.
    """
    if (bad := bad_values.first_in(chunk, names)) is not None:
        raise bad_value(file, bad, entry)


def batches(file: DelphesFile, setup: Setup, step: int) -> Iterator[store.Batch]:
    """The images of all events of a file, without labels.

    Args:
        file: one that has passed the checks.
        setup: detector and settings.
        step: events at once.

    Yields:
        Batches with the three channels, empty `jets`, and of `events` the entry.

    Raises:
        BadFile: with the verdict, where the data turn out bad.
    """
    entry, tally = 0, Tally()
    for chunk in file.chunks(step):
        channels = checked_images(file, chunk, entry, setup, tally)
        n_events = len(channels[CHANNELS[0]].indptr) - 1
        yield _without_labels(channels, entry, n_events)
        entry += n_events
    if entry != file.n_events:
        raise BadFile(file.path, "unreadable", f"{entry} events read of {file.n_events}", file.n_events)


def _without_labels(channels: dict[str, raster.Hits], entry: int, n_events: int) -> store.Batch:
    tables: dict[str, store.Columns] = {name: dict(vars(hits)) for name, hits in channels.items()}
    nothing = np.empty(0, np.float32)
    jets: store.Columns = {"class_id": np.empty(0, np.uint8), "pt": nothing, "box": nothing.reshape(0, 4)}
    tables["jets"] = jets | {"indptr": np.zeros(n_events + 1, np.int64)}
    tables["events"] = {"entry": np.arange(entry, entry + n_events, dtype=np.uint32)}
    return store.Batch(tables)
