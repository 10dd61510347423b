"""A trigger network as a project of hls4ml: C++ for an FPGA, compiled and held against PyTorch bit by bit."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jetimg.common.atomic import replace_folder
from jetimg.common.checksums import sha256
from jetimg.common.errors import DataError, MachineFault
from models.export import hls_estimate, sample_images
from models.export.graph import silence
from models.export.quant_nodes import to_qonnx
from models.networks.trigger import POOLED, SQUARE, Circuit, TriggerSSD
from models.trained import checkpoint

PART = "xcvu13p-flga2577-2-e"
REPORT, QONNX, PROJECT, NAME = "report.json", "circuit.onnx", "project", "jetimg_trigger"
# Sums of products have 11 bits after the point, biases 10: nothing is cut off.
SUMS = "fixed<24,12>"


@dataclass(frozen=True)
class Target:
    """An FPGA, and how far multipliers are shared.

    Attributes:
        part: Xilinx's name of it.
        clock_ns: period of the clock, ns.
        reuse: multiplications that a multiplier of the first layer does for each cell. Behind the pooling, cells come
            at a quarter of the rate, so multipliers there do four times as many at no cost in time.
    """

    part: str = PART
    clock_ns: float = 5.0
    reuse: int = 1


def export(
    path: Path, output: Path, target: Target, *, dataset: Path | None = None, n_images: int = 3
) -> dict[str, Any]:
    """Writes the circuit of a checkpoint as a folder: QONNX, hls4ml's project, and a report.

    The project is compiled and computes some images; the folder appears only if all numbers are PyTorch's.

    Args:
        path: the checkpoint.
        output: the folder; one that an export wrote is replaced.
        target: the FPGA.
        dataset: whose first images the project is checked with; made-up ones if None.
        n_images: how many.

    Returns:
        The report: images and outputs that were compared, what the host has to do, and an estimate of latency and
        resources.

    Raises:
        DataError: not a checkpoint of a trigger network, a folder that is not an export's, or other numbers than
            PyTorch's.
        MachineFault: no g++, or it fails.
    """
    network, config = checkpoint.load(path, for_inference=True)
    if not isinstance(network, TriggerSSD):
        raise DataError(
            f"{path}: hls4ml takes networks of `architecture: trigger`; this one is {config.model.architecture}, whose "
            "PReLU, average pooling, steps that are no powers of two or layers beside convolutions it does not build"
        )
    _check_tools()
    _check_output(output)
    tried = (
        sample_images.of_dataset(dataset, n_images, config.model)
        if dataset
        else sample_images.made_up(n_images, config.model)
    )
    with torch.inference_mode():
        cells = network.prepared(tried.pixels)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as folder:
        partial = Path(folder) / output.name
        partial.mkdir()
        report: dict[str, Any] = {
            "checkpoint_sha256": sha256(path),
            "host": _host(network, config.model.class_names, cells),
        }
        report |= _written(network.circuit, cells, partial, target)
        _place(partial / PROJECT, output / PROJECT)
        (partial / REPORT).write_text(json.dumps(report, indent=1) + "\n")
        (partial / "report.md").write_text(hls_estimate.markdown(report["estimate"]))
        replace_folder(partial, output)
    return report


def convert(circuit: Circuit, shape: tuple[int, int, int], folder: Path, target: Target) -> tuple[Any, Any]:
    """A circuit as QONNX and as hls4ml's project, not yet compiled.

    Args:
        circuit: in evaluation mode.
        shape: of its image: channels, eta, phi.
        folder: for the project.
        target: the FPGA.

    Returns:
        `qonnx.core.modelwrapper.ModelWrapper`, `hls4ml.model.ModelGraph`.
    """
    import hls4ml

    qonnx = to_qonnx(circuit, shape)
    with silence():
        config = hls4ml.utils.config_from_onnx_model(
            qonnx,
            granularity="name",
            backend="Vitis",
            default_precision=SUMS,
            default_reuse_factor=POOLED**2 * target.reuse,
        )
        config["Model"]["Strategy"] = "Resource"
        for name, layer in config["LayerName"].items():
            layer["Strategy"] = "Resource"
            if name == "Conv_0":
                layer["ReuseFactor"] = target.reuse
        graph = hls4ml.converters.convert_from_onnx_model(
            qonnx,
            hls_config=config,
            io_type="io_stream",
            backend="Vitis",
            output_dir=str(folder),
            project_name=NAME,
            part=target.part,
            clock_period=target.clock_ns,
        )
    return qonnx, graph


def emulate(graph: Any, circuit: Circuit, cells: Tensor) -> tuple[int, int]:
    """Compiles a project with g++ and compares what it gives with PyTorch.

    Args:
        graph: of `convert`.
        circuit: the same in PyTorch.
        cells: float32 (images, channels, eta, phi), images of the circuit.

    Returns:
        Numbers that are the same, and all.

    Raises:
        MachineFault: g++ fails.
    """
    with torch.inference_mode():
        # hls4ml cuts off what the input has too many bits for, instead of rounding it.
        rounded, expected = circuit.image(cells), circuit(cells)
    images = np.ascontiguousarray(rounded.permute(0, 2, 3, 1).numpy())
    with silence(), _quiet_programs():
        try:
            graph.compile()
        except Exception as error:  # hls4ml raises a bare one
            said = " ".join(str(error).split())[:300]
            raise MachineFault(f"g++ does not compile hls4ml's project: {said}") from error
        found = graph.predict(images)
    equal = count = 0
    for one, two in zip(expected, found, strict=True):
        wanted = one.permute(0, 2, 3, 1).numpy()
        equal += int((wanted == two.reshape(wanted.shape)).sum())
        count += wanted.size
    return equal, count


def _written(circuit: Circuit, cells: Tensor, folder: Path, target: Target) -> dict[str, Any]:
    _, channels, eta, phi = cells.shape
    qonnx, graph = convert(circuit, (channels, eta, phi), folder / PROJECT, target)
    qonnx.save(str(folder / QONNX))
    equal, count = emulate(graph, circuit, cells)
    if equal != count:
        raise DataError(f"{folder.name}: not written: {count - equal} of {count} emulated outputs are not PyTorch's")
    estimate = hls_estimate.estimate(hls_estimate.layers_of(graph), target.clock_ns)
    return {"images": len(cells), "outputs": count, "equal": equal, "part": target.part, "estimate": estimate}


def _host(network: TriggerSSD, class_names: tuple[str, ...], cells: Tensor) -> dict[str, Any]:
    """What has to be done before and behind the circuit; see `models.networks.trigger`."""
    return {
        "sum": [SQUARE, SQUARE],
        "value": "ln(1 + E / GeV), rounded to multiples of 1/16",
        "cells_added_on_each_side_in_phi": POOLED * network.edge,
        "image": {"order": "eta, phi, channel", "shape": [*cells.shape[2:], cells.shape[1]]},
        "outputs": {
            "logits": list(class_names),
            "jets": [
                *(f"{axis} offset of {name}" for name in class_names for axis in ("eta", "phi")),
                *(f"ln(pt / 100 GeV) of {name}" for name in class_names),
            ],
        },
        "cells_dropped_on_each_side_in_phi": network.edge,
    }


def _check_tools() -> None:
    import hls4ml  # noqa: F401

    if shutil.which("g++") is None:
        raise MachineFault("g++ is not on PATH: hls4ml's project is compiled to be checked; apt-get install g++")


def _check_output(output: Path) -> None:
    if output.exists() and not (output / REPORT).is_file() and not (output.is_dir() and not any(output.iterdir())):
        raise DataError(f"{output}: there, and not an export for hls4ml: choose another folder")


def _place(project: Path, final: Path) -> None:
    """Says where the project will be; what was compiled knows its weights by the old path, and goes."""
    settings = project / "hls4ml_config.yml"
    settings.write_text(settings.read_text().replace(str(project), str(final.absolute())))
    for library in (project / "firmware").glob("*.so"):
        library.unlink()


@contextmanager
def _quiet_programs() -> Iterator[None]:
    """Compilers write to the process's own output."""
    with Path(os.devnull).open("w") as nothing:
        saved = os.dup(1)
        try:
            os.dup2(nothing.fileno(), 1)
            yield
        finally:
            os.dup2(saved, 1)
            os.close(saved)
