"""How long detectors take: models side by side, so that a busy machine is as unfair to all of them."""

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from detector.common.progress import bar
from jetimg.common.atomic import write_text
from jetimg.common.errors import DataError
from models.export import machine, sample_images
from models.export.runners import Runner, runners

if TYPE_CHECKING:
    from matplotlib.axes import Axes

logger = logging.getLogger(__name__)

WARM_UP = 2
MIN_ROUNDS = 5
PERCENTILES = (10, 50, 90, 99)
# Share of the free memory that a batch may be expected to take.
SHARE = 0.8
# One model with one batch size: numbers and names.
Result = dict[str, Any]


def benchmark(
    named: Mapping[str, Path],
    output: Path,
    batch_sizes: Sequence[int],
    *,
    threads: int = 0,
    seconds: float = 5.0,
    compiled: bool = False,
    remotes: Sequence[str] = (),
) -> list[Result]:
    """Measures models and writes latency.json, latency.md and latency.png.

    Args:
        named: checkpoints and .onnx files, by name.
        output: the folder.
        batch_sizes: images at once.
        threads: of the processor; 0 for as many as it has cores.
        seconds: to measure each model with each batch size; at least five times.
        compiled: checkpoints by torch.compile too.
        remotes: URLs of servers (`models.export.remote`).

    Raises:
        DataError: a file that is no model, models for images of different shapes, no batch that fits into memory, or
            the folder cannot be written.
    """
    here = machine.describe()
    threads = threads or int(here["cores"] or os.cpu_count() or 1)
    models = [runner for name, path in named.items() for runner in runners(name, path, threads, compiled)]
    models += _remote(remotes)
    _check(models)
    results: list[Result] = []
    with bar("benchmark", len(batch_sizes) * len(models)) as progress:
        for n in sorted(batch_sizes):
            if (reason := _too_much(n, results)) is not None:
                logger.warning(f"batches of {n} are left out: {reason}")
            else:
                results += _together(models, n, seconds)
            progress(len(models))
    if not results:
        raise DataError(f"{output}: not written: no model could be measured; choose smaller batches")
    write(output, results, here | {"threads": threads})
    return results


def _remote(urls: Sequence[str]) -> list[Runner]:
    if not urls:
        return []
    from models.export import remote

    return [remote.runner(url) for url in urls]


def _check(models: Sequence[Runner]) -> None:
    shapes = {(runner.model.input_channels, *runner.model.image_shape): runner.path for runner in models}
    if len(shapes) > 1:
        (one, path), (two, other), *_ = shapes.items()
        raise DataError(f"{path} takes images of {one}, {other} of {two}: measure them on their own")


def _too_much(n: int, results: Sequence[Result]) -> str | None:
    """Why a batch is not tried: the last one took so much memory that this one would not fit."""
    free = machine.available_memory()
    if not results or free is None:
        return None
    last = results[-1]
    needed = last["peak_bytes"] / last["batch_size"] * n
    if n == last["batch_size"] or needed < SHARE * (free + last["peak_bytes"]):
        return None
    return f"they would take about {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"


def _together(models: Sequence[Runner], n: int, seconds: float) -> list[Result]:
    """Times of all models with one batch size, in turn."""
    model = models[0].model
    pixels = sample_images.made_up(min(n, 8), model).pixels
    pixels = pixels.repeat(-(-n // len(pixels)), 1, 1, 1)[:n].contiguous()
    working = [runner for runner in models if _warm(runner, pixels)]
    times: dict[str, list[float]] = {runner.name: [] for runner in working}
    begun = time.perf_counter()
    while working and (
        len(times[working[0].name]) < MIN_ROUNDS or time.perf_counter() - begun < seconds * len(working)
    ):
        for runner in working:
            start = time.perf_counter()
            runner.run(pixels)
            times[runner.name].append(time.perf_counter() - start)
    return [_result(runner, n, times[runner.name]) for runner in working]


def _warm(runner: Runner, pixels: Tensor) -> bool:
    """Computes some batches that are not measured; logs it where memory does not suffice."""
    try:
        for _ in range(WARM_UP):
            runner.run(pixels)
    # torch, CUDA and ONNX Runtime raise different classes; only the text of the message tells.
    except Exception as error:
        if not isinstance(error, MemoryError) and "alloc" not in str(error) and "memory" not in str(error):
            raise
        logger.warning(f"{runner.name}: batches of {len(pixels)} are left out: they do not fit into memory")
        return False
    return True


def _result(runner: Runner, n: int, times: Sequence[float]) -> Result:
    p10, median, p90, p99 = (1e3 * np.percentile(times, PERCENTILES)).round(3).tolist()
    return {
        "model": str(runner.path),
        "backend": runner.backend,
        "name": runner.name,
        "batch_size": n,
        "batches": len(times),
        "median_ms": median,
        "p10_ms": p10,
        "p90_ms": p90,
        "p99_ms": p99,
        "images_per_second": round(1e3 * n / median, 1),
        "peak_bytes": machine.peak_memory(),
    }


def write(output: Path, results: Sequence[Result], here: dict[str, Any]) -> None:
    """Writes latency.png, latency.md and, last of all, latency.json.

    Raises:
        DataError: they cannot be written.
    """
    plot(output / "latency.png", results, here)
    write_text(output / "latency.md", markdown(results, here))
    write_text(output / "latency.json", json.dumps({"machine": here, "results": list(results)}, indent=1) + "\n")


def markdown(results: Sequence[Result], here: dict[str, Any]) -> str:
    """A table with a row for each model and batch size, and what it was measured on."""
    lines = [
        "| model | batch | median, ms | 10 % to 90 %, ms | 99 %, ms | images/s |",
        "|---|--:|--:|--:|--:|--:|",
        *(
            f"| {r['name']} | {r['batch_size']} | {r['median_ms']:.1f} | {r['p10_ms']:.1f} to {r['p90_ms']:.1f} "
            f"| {r['p99_ms']:.1f} | {r['images_per_second']:.1f} |"
            for r in results
        ),
    ]
    return "\n".join([*lines, "", f"{summary(here)}.", ""])


def summary(here: dict[str, Any]) -> str:
    """The machine in a line."""
    versions = ", ".join(f"{name} {here[name]}" for name in ("python", *machine.LIBRARIES) if name in here)
    gpu = f"; {here['gpu']}" if here["gpu"] else ""
    return (
        f"{here['processor']}, {here['cores']} cores ({', '.join(here['features']) or 'no features known'}), "
        f"{here['threads']} threads, load {here['load']} at the start{gpu}; {versions}"
    )


def plot(path: Path, results: Sequence[Result], here: dict[str, Any]) -> None:
    """Time for an image against the batch size, or of each model where there is one size: median, 10 % to 90 %."""
    from matplotlib.figure import Figure

    from jetimg.plotting.figures import COLOURS, NEUTRAL, save, styled

    with styled():
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        if len({result["batch_size"] for result in results}) > 1:
            _lines(axes, results)
        else:
            _bars(axes, results, COLOURS[0], NEUTRAL)
        axes.set_title(f"{here['processor']}, {here['threads']} threads", fontsize="medium")
        save(figure, path)


def _bars(axes: "Axes", results: Sequence[Result], fill: str, spread: str) -> None:
    """A bar a model, the first one at the top."""
    size, places = results[0]["batch_size"], range(len(results))[::-1]
    median, low, high = (
        np.array([result[key] / size for result in results]) for key in ("median_ms", "p10_ms", "p90_ms")
    )
    axes.barh(places, median, xerr=[median - low, high - median], height=0.6, color=fill, ecolor=spread, capsize=3)
    axes.set_yticks(places, [result["name"] for result in results])
    axes.set_xlabel(f"ms an image, in batches of {size}: median, 10 % to 90 %")
    axes.set_xlim(left=0)


def _lines(axes: "Axes", results: Sequence[Result]) -> None:
    for name in dict.fromkeys(result["name"] for result in results):
        own = [result for result in results if result["name"] == name]
        sizes = [result["batch_size"] for result in own]
        median, low, high = (
            [result[key] / result["batch_size"] for result in own] for key in ("median_ms", "p10_ms", "p90_ms")
        )
        (line,) = axes.plot(sizes, median, marker=".", label=name)
        axes.fill_between(sizes, low, high, alpha=0.2, color=line.get_color())
    sizes = sorted({result["batch_size"] for result in results})
    axes.set(xlabel="images in a batch", ylabel="ms an image", xscale="log")
    axes.set_ylim(bottom=0)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
