"""Writes the networks that come with the project, and their cards, from a campaign's results.

    snakemake --cores 2 --configfile workflow/config/production.yaml
    python -m tools.zoo results/production [--also NAME=EVALUATION.json ...]

`--also` adds a row of figures to the cards: an evaluation on other events, real Delphes files say. Of networks that
the campaign did not train but took from the zoo (`checkpoint: fast`), the cards get new figures, and stay as they are
otherwise.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jetimg.common.atomic import write_text
from jetimg.common.checksums import sha256
from jetimg.common.tables import Sheet
from jetimg.dataset import manifest
from models.data.data_set import DataSet
from models.networks.config import Config
from models.trained import checkpoint
from models.trained.cost import describe
from models.trained.zoo import ZOO
from workflow.campaign.networks import FULL, GIVEN

# What a checkpoint of the zoo holds.
KEPT = ("config", "weights", "epoch", "dataset_sha256", "start_sha256", "images")

WHAT = {
    "none": "at full precision",
    "int8": "with weights and features of eight bits",
    "ternary": "with weights -s, 0 and s",
    "binary": "with weights and features of one bit",
}

OF_TRIGGER = "with weights and features of eight bits, for FPGAs ([hls4ml](../../docs/hls4ml.md))"

CARD = """# {name}

{architecture} {what}{pruned}: {parameters:,} parameters, {macs:,.0f} million multiplications an image. It finds
{classes} in images of {shape} pixels.

```
jetimg models detect {name} FILE.root --output found.h5
```

Average precision (11 points) at an overlap of at least 0.5, with the standard deviation over samples of the events.
Beside it: the classical AK8 jets, and the ceiling that the labels themselves reach. `heldout` are events of the
processes that it was trained on, `test-tth` and `test-tthBoosted` of one that it never saw.

{figures}
## Data and training

Trained on {events:,} events of Pythia 8 with the embedded detector simulation: gravitons of 600 to 2,000 GeV that
decay to two jets ([production.yaml](../../workflow/config/production.yaml)), with labels of mode `jets`
([truth](../../docs/truth.md)). Epoch {epoch}, seed {seed}. The manifest of the data set has the sha256
`{dataset}`.{start}

```yaml
{recipe}```

## Limits

- Simulated events of one detector with about 50 pile-up collisions. Nothing here says what it does on data of an
  experiment.
- One training run. The errors are those of the test events, not of the training.
- A score says how well a box fits a jet of the class. The calibration curve of the evaluation shows how far it is a
  probability.

sha256 of `{file}`: `{sha256}`
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the zoo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of the campaign's results")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=JSON", help="figures of other events")
    parser.add_argument("--output", type=Path, default=ZOO, help="folder of networks and cards")
    chosen = parser.parse_args(arguments)
    data = DataSet.of(chosen.results / "dataset")
    events = sum(shard.n_events for shard in manifest.read(chosen.results / "dataset").shards if shard.split == "train")
    evaluations = {path.parent.name: path for path in chosen.results.glob("networks/evaluation/*/evaluation.json")}
    evaluations |= {name: Path(path) for name, _, path in (text.partition("=") for text in chosen.also)}
    figures = {name: json.loads(path.read_text()) for name, path in sorted(evaluations.items())}
    chosen.output.mkdir(parents=True, exist_ok=True)
    for path in sorted(chosen.results.glob("networks/*/*/network.pt")):
        network, version = path.parts[-3:-1]
        name = network if version in (FULL, GIVEN) else f"{network}-{version}"
        if version == GIVEN:
            _measured_again(chosen.output / f"{name}.md", name, figures)
            continue
        _write(chosen.output, name, f"{network}-{version}", path, (data, events), figures)


def _measured_again(card: Path, name: str, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Puts other figures into a card."""
    before, _, rest = card.read_text().partition("## Figures\n")
    _, following, after = rest.partition("## Data and training\n")
    text = _figures(name, figures).markdown()
    write_text(card, f"{before}{text}\n{following}{after}")
    print(f"{card}: measured on {', '.join(figures)}")


def _write(
    folder: Path,
    name: str,
    measured_as: str,
    path: Path,
    data: tuple[DataSet, int],
    figures: Mapping[str, Mapping[str, Any]],
) -> None:
    content, config = checkpoint.read(path)
    output = folder / f"{name}.pt"
    content.setdefault("images", dict(data[0].images))
    checkpoint.write(output, {key: content[key] for key in KEPT if key in content})
    write_text(folder / f"{name}.md", _card(name, measured_as, output, content, config, data[1], figures))
    print(f"{output}: {output.stat().st_size:,} bytes")


def _card(
    name: str,
    measured_as: str,
    output: Path,
    content: Mapping[str, Any],
    config: Config,
    events: int,
    figures: Mapping[str, Mapping[str, Any]],
) -> str:
    cost = describe(output)
    recipe = config.model_dump(mode="json", include={"model": {"architecture", "channels"}, "training": True})
    for key in ("threads", "workers"):
        recipe["training"].pop(key)
    return CARD.format(
        name=name,
        architecture=f"The network `{config.model.architecture}`",
        what=OF_TRIGGER if config.model.architecture == "trigger" else WHAT[config.compression.kind],
        pruned=", with fewer channels" if name.endswith("-pruned") else "",
        parameters=cost.parameters,
        macs=cost.all_macs / 1e6,
        classes=", ".join(config.model.class_names),
        shape=" x ".join(map(str, config.model.image_shape)),
        figures=_figures(measured_as, figures).markdown(),
        events=events,
        epoch=content.get("epoch"),
        seed=config.training.seed,
        dataset=content.get("dataset_sha256"),
        start=f" It began with the weights of the checkpoint `{begun}`."
        if (begun := content.get("start_sha256"))
        else "",
        recipe=yaml.safe_dump(recipe, sort_keys=False),
        file=output.name,
        sha256=sha256(output),
    )


def _figures(name: str, figures: Mapping[str, Mapping[str, Any]]) -> Sheet:
    """A row for each set of events and each of: the network, the classical jets, the ceiling."""
    classes = list(dict.fromkeys(one for found in figures.values() for one in found["data_set"]["true_jets"]))
    rows = []
    for events, found in figures.items():
        counts = found["data_set"]["true_jets"]
        rows.append([events, "true jets", *(f"{counts.get(one, 0):,}" for one in classes), ""])
        for who in (name, "baseline"):
            if who in found["detectors"]:
                numbers = found["detectors"][who]
                rows.append([events, "AK8" if who == "baseline" else "network", *_row(numbers, classes)])
        ceiling = found["data_set"]["ceiling"]
        rows.append([events, "ceiling", *(_number((ceiling.get(one) or {}).get("ap_11")) for one in classes), ""])
    return Sheet("Figures", ["events", "of ", *classes, "mean"], rows)


def _row(numbers: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    found = [(numbers["classes"].get(name) or {}) for name in classes]
    return [_with_error(one) for one in (*found, numbers["mean"])]


def _with_error(numbers: Mapping[str, Any]) -> str:
    value, error = numbers.get("ap_11"), numbers.get("ap_11_error")
    return _number(value) if error is None else f"{_number(value)} ± {error:.3f}"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
