"""One shard: its events gathered from the event files, in the plan's order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetimg.common.errors import DataError
from jetimg.dataset.plan import EventSelection, Plan, Source, common
from jetimg.event_file import store

# Events taken from memory to the file at once.
STEP = 1000


def make(plan: Plan, name: str, output: Path, progress: Callable[[int], None] = lambda _: None) -> int:
    """Makes one shard of a plan.

    Args:
        plan: the plan.
        name: the shard, as `Plan.shards` names it.
        output: the file to make.
        progress: called with the number of events done since its last call.

    Returns:
        The number of events.

    Raises:
        DataError: an event file is not the one of the plan, or damaged; or the output cannot be written.
    """
    selected = plan.events_of(name)
    gathered, files = _gather(plan, selected)
    attributes = plan.attributes | {
        "kind": "shard",
        "split": name.partition("-")[0],
        "sample_names": plan.samples,
        "sharding": plan.sharding.model_dump(mode="json"),
    }
    with store.create(output, attributes) as writer:
        writer.files += files
        order = _positions(selected)
        for start in range(0, len(order), STEP):
            batch = gathered.take(order[start : start + STEP])
            writer.append(batch)
            progress(len(batch))
    return len(order)


def _sorted(selected: EventSelection) -> NDArray[np.int64]:
    """The selected events by source, then index: the order in which they are read."""
    return np.lexsort((selected.index, selected.source))


def _positions(selected: EventSelection) -> NDArray[np.int64]:
    """For each selected event, its index among the events as they were read."""
    return np.argsort(_sorted(selected))


def _gather(plan: Plan, selected: EventSelection) -> tuple[store.Batch, list[store.InputFile]]:
    """Reads the selected events, source by source, one range for each run of neighbours."""
    batches: list[store.Batch] = []
    files: list[store.InputFile] = []
    by_source = _sorted(selected)
    for number in np.unique(selected.source):
        source = plan.sources[number]
        indices = selected.index[by_source][selected.source[by_source] == number]
        with store.Reader(Path(source.path)) as reader:
            _check_unchanged(source, plan, reader)
            read = store.concatenate([reader.read(*run).take(within) for run, within in _runs(indices, plan)])
            batches.append(_renumbered(read, plan.samples.index(source.sample), len(files), reader.files, files))
    return store.concatenate(batches), files


def _check_unchanged(source: Source, plan: Plan, reader: store.Reader) -> None:
    planned = [(file.name, file.sha256, file.entries) for file in source.inputs]
    same_files = planned == [(row.name, row.sha256, row.entries) for row in reader.files]
    found = common(reader)
    if not same_files or any(found.get(key) != value for key, value in plan.attributes.items()):
        raise DataError(f"{source.path}: not the event file that was planned; make the plan again")


def _runs(indices: NDArray[np.int64], plan: Plan) -> list[tuple[tuple[int, int], NDArray[np.int64]]]:
    """Ranges to read and the events wanted in each; events of other splits may lie between them."""
    breaks = np.flatnonzero(np.diff(indices) > plan.sharding.block) + 1
    return [((int(part[0]), int(part[-1]) + 1), part - part[0]) for part in np.split(indices, breaks)]


def _renumbered(
    batch: store.Batch, sample: int, first: int, rows: list[store.InputFile], files: list[store.InputFile]
) -> store.Batch:
    """Numbers samples and files as the shard does, which lists only the files that gave events."""
    used, number = np.unique(batch.tables["events"]["file"], return_inverse=True)
    files += [rows[k] for k in used]
    events: dict[str, NDArray[Any]] = dict(batch.tables["events"])
    events["file"] = (number + first).astype(np.uint32)
    events["sample"] = np.full(len(batch), sample, np.uint8)
    return store.Batch(batch.tables | {"events": events})
