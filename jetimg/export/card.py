"""README.md of an export: what is in the folder, how it is opened, and for Parquet the YAML head of the hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from jetimg.export.part import Part
from jetimg.loader.seam import Seam

OPEN = {
    "coco": 'pycocotools.coco.COCO("{folder}/annotations/instances_{split}.json")',
    "webdataset": 'webdataset.WebDataset("{folder}/{split}-000000.tar", shardshuffle=False).decode()',
    "parquet": 'datasets.load_dataset("{folder}", split="{split}")',
    "npz": 'numpy.load("{folder}/{split}-00000.npz")',
    "root": 'uproot.open("{folder}/{split}.root")["events"]',
}
SEAMS: dict[Seam, str] = {
    "cut": "A box that crosses phi = +-pi is two, one on each side.",
    "clip": "Of a box that crosses phi = +-pi the larger part is kept.",
    "pad": "A box that crosses phi = +-pi is whole and passes the last column: the detector goes on at column 0.",
}


def how_to_open(kind: str, folder: Path, split: str) -> str:
    """A line of Python that opens the export."""
    return OPEN[kind].format(folder=folder, split=split)


def write(kind: str, parts: Sequence[Part], layout: str, folder: Path, name: str) -> None:
    """Writes README.md.

    Args:
        kind: the format.
        parts: what was exported.
        layout: the files and their columns, in words.
        folder: where the export is.
        name: of the folder when it is complete.
    """
    pixels, names = parts[0].geometry, ", ".join(parts[0].files.class_names)
    counts = "\n".join(f"| {part.split} | {len(part.files):,} |" for part in parts)
    text = f"""# Jet images

Events of the LHC in a CMS-like detector, as images of {pixels}, with boxes around jets: {names}.
Made by `jetimg export --to {kind}`.

| split | events |
|---|---|
{counts}

{layout}

Rows of an image are eta, from -{pixels.eta_pitch * pixels.n_eta / 2:g} in steps of {pixels.eta_pitch:g}; columns phi,
from -pi in {pixels.n_phi} steps round the circle. In boxes x counts columns and y rows. {SEAMS[parts[0].seam]}

```python
{how_to_open(kind, Path(name), parts[0].split)}
```
"""
    head = f"---\n{yaml.safe_dump(_hub(parts, folder), sort_keys=False)}---\n\n" if kind == "parquet" else ""
    (folder / "README.md").write_text(head + text)


def _hub(parts: Sequence[Part], folder: Path) -> dict[str, Any]:
    """The YAML head of a data set's card: a configuration of everything, and one for each sample."""
    files = {
        part.split: sorted(path.stem for path in (folder / "data" / part.split).glob("*.parquet")) for part in parts
    }
    samples = sorted({stem.rpartition("-")[0] for stems in files.values() for stem in stems})
    everything = [{"split": split, "path": f"data/{split}/*.parquet"} for split in files]
    configs: list[dict[str, Any]] = [{"config_name": "all", "default": True, "data_files": everything}]
    for name in samples:
        mine = [split for split, stems in files.items() if any(stem.rpartition("-")[0] == name for stem in stems)]
        paths = [{"split": split, "path": f"data/{split}/{name}-[0-9]*.parquet"} for split in mine]
        configs.append({"config_name": name, "data_files": paths})
    return {
        "pretty_name": "Jet images",
        "task_categories": ["object-detection"],
        "tags": ["physics", "high-energy-physics", "jets"],
        "size_categories": [_size(sum(len(part.files) for part in parts))],
        "configs": configs,
    }


def _size(n_events: int) -> str:
    """The hub's word for a number of rows."""
    for limit, word in ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")):
        if n_events < limit:
            return word
    return "1M<n<10M"
