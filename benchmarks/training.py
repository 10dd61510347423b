"""Events that a training takes in a processor second, by recipe, one after the other in turn.

    python -m benchmarks.training results/demo/dataset --rounds 5

Each figure is that of a whole epoch of `jetimg models train`: loading, forward, loss, backward, optimizer. PF-Jet-SSD
is narrow, with the same channels in both recipes, and at full precision.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

from models.networks.config import Config, Model, Training, read
from models.training.train import train

ROOT = Path(__file__).parents[1]
NARROW = (8, 8, 16, 16, 32, 64, 64, 128, 128, 128, 128)


def recipes() -> dict[str, Config]:
    """What is compared, by name."""
    published = read(ROOT / "workflow" / "config" / "published.yaml")
    once: dict[str, Any] = {"epochs": 1, "validation_events": 1}
    return {
        "PF-Jet-SSD, as published": published.model_copy(
            update={
                "model": published.model.model_copy(update={"channels": NARROW}),
                "training": published.training.model_copy(update=once | {"precision": "float32"}),
            }
        ),
        "PF-Jet-SSD, default recipe": Config(
            model=Model(architecture="pfjet", channels=NARROW, scores="sigmoid"), training=Training(**once)
        ),
        "fast, default recipe": Config(training=Training(**once)),
    }


def speed(dataset: Path, config: Config) -> float:
    """Events a processor second of one epoch on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        train(dataset, Path(folder), config, device="cpu")
        (record,) = map(json.loads, (Path(folder) / "metrics.jsonl").read_text().splitlines())
    return float(record["events"] / record["processor_seconds"])


def main() -> None:
    """Measures in turn, and prints medians, their spread, and ratios to the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = recipes()
    found: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(options.rounds):
        for name, config in chosen.items():
            found[name].append(speed(options.dataset, config))
    first = found[next(iter(found))]
    print("| recipe | events a processor second | least to most | of the first |\n|---|--:|--:|--:|")
    for name, values in found.items():
        ratio = statistics.median(one / other for one, other in zip(values, first, strict=True))
        print(f"| {name} | {statistics.median(values):.1f} | {min(values):.1f} to {max(values):.1f} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
