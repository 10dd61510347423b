"""What a circuit will need on an FPGA, by formulas: an estimate, which only a synthesis replaces.

A layer of hls4ml's streaming implementation (arXiv:2101.05108, section 3) takes one cell of its padded map after the
other and starts a new one each R cycles, R its reuse factor; all layers work at the same time. So:

- multipliers of a layer: kernel^2 * inputs * outputs / R;
- cycles of a layer between two images: cells of its padded map * R; of the circuit: those of its slowest layer;
- a convolution of 3 x 3 begins to put out after two rows. The latency is the interval times 1 + the sum over layers,
  one after the other, of two rows' share of the map;
- memory: two rows of each map for the windows of a convolution, and the weights. The FIFOs between layers come on top:
  hls4ml makes them as large as the map, until `fifo_opt` has measured what they need.

Delays within a layer, tens of cycles, are left out.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models.networks.fixed_point import BIAS, FEATURE, WEIGHT


@dataclass(frozen=True)
class Layer:
    """A convolution on the FPGA.

    Attributes:
        name: hls4ml's.
        rows, columns: of the map that it works on, with the padding.
        inputs, outputs: channels.
        kernel: rows and columns of its window.
        reuse: multiplications that one multiplier does for each cell.
        parallel: whether it works beside the layer before it, on the same map.
    """

    name: str
    rows: int
    columns: int
    inputs: int
    outputs: int
    kernel: int
    reuse: int
    parallel: bool

    @property
    def multiplications(self) -> int:
        """For each cell."""
        return self.kernel**2 * self.inputs * self.outputs

    @property
    def multipliers(self) -> int:
        """That work at the same time."""
        return -(-self.multiplications // self.reuse)

    @property
    def cycles(self) -> int:
        """Between two images."""
        return self.rows * self.columns * self.reuse

    @property
    def waits(self) -> float:
        """Share of the map that has to be there before the first window is full."""
        return 0.0 if self.parallel else (self.kernel - 1) / self.rows

    @property
    def memory_bits(self) -> int:
        """Of rows and weights."""
        rows = (self.kernel - 1) * self.columns * self.inputs * FEATURE.bits
        return rows + self.multiplications * WEIGHT.bits + self.outputs * BIAS.bits


def layers_of(model: Any) -> list[Layer]:
    """The convolutions of a `hls4ml.model.ModelGraph`."""
    found: list[Layer] = []
    origins: set[str] = set()
    for layer in model.get_layers():
        if layer.class_name != "Conv2D":
            continue
        chosen = layer.get_attr
        origin = _origin(layer)
        found.append(
            Layer(
                name=layer.name,
                rows=chosen("in_height") + chosen("pad_top") + chosen("pad_bottom"),
                columns=chosen("in_width") + chosen("pad_left") + chosen("pad_right"),
                inputs=chosen("n_chan"),
                outputs=chosen("n_filt"),
                kernel=chosen("filt_height"),
                reuse=chosen("reuse_factor"),
                parallel=origin in origins,
            )
        )
        origins.add(origin)
    return found


def _origin(layer: Any) -> str:
    """The layer whose map a convolution takes, before padding and copying."""
    while layer.class_name in ("Conv2D", "ZeroPadding2D", "Clone"):
        layer = layer.get_input_node()
    return str(layer.name)


def estimate(layers: Sequence[Layer], clock_ns: float) -> dict[str, Any]:
    """Latency and resources as numbers by name.

    Args:
        layers: convolutions.
        clock_ns: period of the clock, ns.
    """
    cycles = max(layer.cycles for layer in layers)
    latency = cycles * (1 + sum(layer.waits for layer in layers))
    return {
        "estimate": True,
        "clock_ns": clock_ns,
        "interval_us": round(cycles * clock_ns / 1e3, 2),
        "latency_us": round(latency * clock_ns / 1e3, 2),
        "images_per_second": round(1e9 / (cycles * clock_ns)),
        "multipliers": sum(layer.multipliers for layer in layers),
        "memory_kbit": round(sum(layer.memory_bits for layer in layers) / 1e3, 1),
        "layers": [asdict(layer) | {"multipliers": layer.multipliers, "cycles": layer.cycles} for layer in layers],
    }


def markdown(found: dict[str, Any]) -> str:
    """The estimate as text, with a row for each layer."""
    rows = [
        f"| {layer['name']} | {layer['rows']} x {layer['columns']} | {layer['inputs']} | {layer['outputs']} "
        f"| {layer['reuse']} | {layer['multipliers']:,} | {layer['cycles']:,} |"
        for layer in found["layers"]
    ]
    return "\n".join(
        [
            f"An estimate by formulas, not a synthesis: an image each {found['interval_us']} us "
            f"({found['images_per_second']:,} a second), {found['latency_us']} us from an image's first cell to the "
            f"last prediction, at {1e3 / found['clock_ns']:.0f} MHz; {found['multipliers']:,} multipliers of "
            f"{WEIGHT.bits} x {FEATURE.bits} bits; {found['memory_kbit']} kbit for rows and weights, without FIFOs.",
            "",
            "| layer | padded map | inputs | outputs | reuse | multipliers | cycles an image |",
            "|---|---|--:|--:|--:|--:|--:|",
            *rows,
            "",
        ]
    )
