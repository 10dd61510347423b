"""From disk to hits and to dense tensors: our shards, variable-length columns, padded arrays; the same events."""

import multiprocessing
import statistics
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.utils.data import DataLoader

from benchmarks import padded
from benchmarks.inputs import Shard
from benchmarks.measure import Figure, in_turn, processor_ms
from jetimg.event_file.layout import CHANNELS
from jetimg.event_file.store import Reader
from jetimg.loader.torch_dataset import JetImages, dense
from jetimg.pfjet_format.layout import names

BATCH, STEP = 32, 1024
# For threads and processes: the shard so many times, in windows that are many more than these.
REPEATS, WINDOW = 8, 1024
AIM_MS = 0.3
SHAPE = (340, 360)


def figures(folder: Path, n_events: int, rounds: int) -> Iterator[Figure]:
    """Reading, size, and dense batches; one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        shard = Shard.make(folder, n_events)
        yield reading(shard, rounds)
        yield size(shard)
        yield tensors(shard, rounds)
        yield ahead(shard, rounds)
        yield workers(shard, rounds)
        yield ranks(shard, rounds)
        yield from against_padded(shard, folder / "padded.h5", rounds)
    finally:
        torch.set_num_threads(threads)


def reading(shard: Shard, rounds: int) -> Figure:
    """All pixels and values, in ranges of events, no image made."""
    pairs = in_turn(
        lambda: processor_ms(lambda: read_ours(shard), shard.n_events),
        lambda: processor_ms(lambda: read_variable(shard), shard.n_events),
        rounds,
    )
    return pairs.figure("read", "all hits of a shard, in order", "ms an event", "h5py, variable-length columns")


def size(shard: Shard) -> Figure:
    """Bytes an event of both files."""
    ours, theirs = (path.stat().st_size / shard.n_events for path in (shard.ours, shard.variable))
    return Figure(
        "shard_bytes", "shard", "bytes an event", ours, theirs, "variable-length columns, int16 indices", ours / theirs
    )


def tensors(shard: Shard, rounds: int) -> Figure:
    """Dense batches of 32, each image standardised, as training reads them: in random order."""
    memory = torch.empty(BATCH, 3, *SHAPE)
    images = {name: JetImages([shard.ours], BATCH, shuffle=name == "shuffled") for name in ("in order", "shuffled")}

    def ours(name: str, normalisation: str) -> float:
        return processor_ms(lambda: [dense(b, "cpu", normalisation, memory) for b in images[name]], shard.n_events)  # type: ignore[arg-type]

    def floor() -> float:
        return processor_ms(lambda: [memory.zero_() for _ in range(shard.n_events // BATCH)], shard.n_events)

    pairs = in_turn(lambda: ours("shuffled", "channel"), lambda: variable(shard, "channel"), rounds)
    also = {
        "raw, in order": ours("in order", "raw"),
        "raw, shuffled": ours("shuffled", "raw"),
        "standardised, in order": ours("in order", "channel"),
        "variable-length, raw": variable(shard, "raw"),
        "one write of the dense batch": floor(),
        "wall, standardised, shuffled": wall(lambda: ours("shuffled", "channel"), shard.n_events),
    }
    text = "dense float32 tensor of an image, batches of 32, standardised, shuffled, one core"
    return pairs.figure("loader", text, "ms an image", "variable-length columns", target=AIM_MS, also=also)


def ahead(shard: Shard, rounds: int) -> Figure:
    """Dense batches while a thread reads ahead, against a single thread; of the clock, so it needs two free cores."""
    memory = torch.empty(BATCH, 3, *SHAPE).zero_()
    both = [JetImages([shard.ours] * REPEATS, BATCH, shuffle=True, window=WINDOW, threads=n) for n in (1, 0)]

    def through_all(images: JetImages) -> float:
        return wall(lambda: [dense(batch, "cpu", "channel", memory) for batch in images], images.n_events)

    pairs = in_turn(*(partial(through_all, images) for images in both), rounds)
    text = "shuffled dense standardised batches, a thread reads ahead, wall time"
    speedups = sorted(one / two for two, one in zip(pairs.ours, pairs.rival, strict=True))
    also = {"without a thread / with one": statistics.median(speedups)}
    return pairs.figure("ahead", text, "ms an image", "all in one thread", also=also)


def workers(shard: Shard, rounds: int) -> Figure:
    """Batches of two worker processes against one; of the clock, so it needs two free cores."""
    pairs = in_turn(lambda: through(shard, 2), lambda: through(shard, 1), rounds)
    text = "shuffled sparse batches from two worker processes, wall time, their start excluded"
    speedups = sorted(one / two for two, one in zip(pairs.ours, pairs.rival, strict=True))
    also = {"one worker / two workers": statistics.median(speedups)}
    return pairs.figure("workers", text, "ms an image", "one worker process", also=also)


def through(shard: Shard, n_workers: int) -> float:
    """Milliseconds of the clock for an image, from the second batch on."""
    images = JetImages([shard.ours] * REPEATS, BATCH, shuffle=True, window=WINDOW)
    batches = iter(DataLoader(images, batch_size=None, num_workers=n_workers))
    next(batches)
    return wall(lambda: sum(1 for _ in batches), images.n_events - BATCH)


def ranks(shard: Shard, rounds: int) -> Figure:
    """Dense batches in two processes, a share of the events each, as two that train together read; of the clock."""
    pairs = in_turn(lambda: side_by_side(shard, 2), lambda: side_by_side(shard, 1), rounds)
    speedups = sorted(one / two for two, one in zip(pairs.ours, pairs.rival, strict=True))
    also = {"one process / two": statistics.median(speedups)}
    text = "shuffled dense standardised batches in two processes, half of the events each, wall time"
    return pairs.figure("ranks", text, "ms an image", "one process, all events", also=also)


def side_by_side(shard: Shard, n_processes: int) -> float:
    """Milliseconds of the clock for an image, until the slowest process has its share."""
    context = multiprocessing.get_context("spawn")
    ready, times = context.Barrier(n_processes), context.Queue()
    given = [(shard.ours, rank, n_processes, ready, times) for rank in range(n_processes)]
    processes = [context.Process(target=read_share, args=one) for one in given]
    for process in processes:
        process.start()
    slowest = max(times.get() for _ in processes)
    for process in processes:
        process.join()
    return slowest * 1000 / (REPEATS * shard.n_events)


def read_share(path: Path, rank: int, n_ranks: int, ready: Barrier, times: "Queue[float]") -> None:
    """Reads one share of the events, all begin at once; tells how long it took."""
    torch.set_num_threads(1)
    images = JetImages([path] * REPEATS, BATCH, shuffle=True, window=WINDOW, rank=rank, world_size=n_ranks)
    memory = torch.empty(BATCH, 3, *SHAPE).zero_()
    ready.wait()
    start = time.perf_counter()
    for batch in images:
        dense(batch, "cpu", "channel", memory)
    times.put(time.perf_counter() - start)


def against_padded(shard: Shard, path: Path, rounds: int) -> Iterator[Figure]:
    """Size, all hits, and dense batches in the file's order, against padded arrays."""
    padded.write(shard.ours, path, BATCH, SHAPE[1])
    n, text = shard.n_events, "arrays padded to the longest event, gzip"
    sizes = [one.stat().st_size / n for one in (shard.ours, path)]
    yield Figure("padded_bytes", "shard", "bytes an event", *sizes, text, sizes[0] / sizes[1])
    pairs = in_turn(
        lambda: processor_ms(lambda: read_ours(shard), n),
        lambda: processor_ms(lambda: padded.read(path, STEP), n),
        rounds,
    )
    yield pairs.figure("padded_read", "all hits of a shard, in order", "ms an event", text)
    memory, images = torch.empty(BATCH, 3, *SHAPE), JetImages([shard.ours], BATCH)
    few = min(n, 320)
    pairs = in_turn(
        lambda: processor_ms(lambda: [dense(batch, "cpu", "channel", memory) for batch in images], n),
        lambda: processor_ms(lambda: sum(len(batch) for batch in padded.batches(path, BATCH, SHAPE, few)), few),
        rounds,
    )
    yield pairs.figure("padded_dense", "dense standardised batches of 32, in order", "ms an image", text)


def read_ours(shard: Shard) -> None:
    with Reader(shard.ours) as reader:
        for start in range(0, shard.n_events, STEP):
            reader.read(start, min(start + STEP, shard.n_events), CHANNELS)


def read_variable(shard: Shard) -> None:
    with h5py.File(shard.variable) as file:
        for channel in CHANNELS:
            for name in names(channel):
                for start in range(0, shard.n_events, STEP):
                    file[name][start : start + STEP]


def variable(shard: Shard, normalisation: str) -> float:
    """Milliseconds an image of the plain reader, over as many events as take it a second or two."""
    n_events = min(shard.n_events, 300)
    return processor_ms(lambda: sum(plain(shard.variable, n_events, normalisation)), n_events)


def plain(path: Path, n_events: int, normalisation: str) -> Iterator[int]:
    """One event after the other from variable-length columns, stacked to batches, as the published code does."""
    batch = []
    with h5py.File(path) as file:
        columns = [[file[name] for name in names(channel)] for channel in CHANNELS]
        for event in range(n_events):
            image = torch.zeros(3, *SHAPE)
            for channel, (eta, phi, value) in enumerate(columns):
                place = torch.from_numpy(eta[event].astype(np.int64) * SHAPE[1] + phi[event].astype(np.int64))
                image[channel].view(-1)[place] = torch.from_numpy(value[event].astype(np.float32))
            if normalisation == "channel":
                image = (image - image.mean((1, 2), keepdim=True)) / image.std((1, 2), keepdim=True)
            batch.append(image)
            if len(batch) == BATCH or event == n_events - 1:
                yield len(torch.stack(batch))
                batch = []


def wall(work: object, n: int) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return (time.perf_counter() - start) * 1000 / n
