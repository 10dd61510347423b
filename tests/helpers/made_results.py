"""A small folder of results as a campaign leaves it, made by hand."""

import json
import struct
import zlib
from pathlib import Path

import yaml

DIGEST = "41ffc265a4a42ad1af749ba2bbaa391d857f363d59375d4822dc179f67a2e908"
TABLE = (
    "| sample | jets | a number of some width | another number | and one more | the last |\n|:--|--:|--:|--:|--:|--:|\n"
)
ROW = "| tt | 1,234 | 0.123 ± 0.004 | 0.567 ± 0.008 | 12,345 | 67.89 |\n"
COUNTS = {"events": 24, "towers": 22_037, "by_edges": {"shared_pixels": 0}, "by_centre": {"shared_pixels": 3}}
PICTURES = (
    "pictures/tt.png",
    "pictures/tth.png",
    "summary/distributions.png",
    "summary/boxes_per_image.png",
    "truth/tt_pt.png",
    "validation/tt/rings.png",
    "validation/tt/response.png",
    "networks/pfjet/full/loss.png",
    "networks/pfjet/int8/loss.png",
    "networks/evaluation/tth/precision_recall.png",
    "networks/evaluation/tth/confusion.png",
    "networks/latency/latency.png",
    "networks/masks/objects/masks.png",
    "classifiers/top/roc.png",
)
TEXTS = (
    "summary/summary.md",
    "truth/truth.md",
    "validation/tt/compare.md",
    "networks/evaluation/test_sets.md",
    "networks/evaluation/tth/evaluation.md",
    "networks/latency/latency.md",
    "networks/masks/objects/masks.md",
    "classifiers/top/classification.md",
)


def png(path: Path, width: int = 1200, height: int = 800) -> Path:
    """A grey picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\0" + b"\xb0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def write(folder: Path) -> Path:
    """Makes the folder."""
    for name in PICTURES:
        png(folder / name)
    for name in TEXTS:
        note = f"Of the data set with sha256 {DIGEST}.\n"
        text = f"# Title\n\n## Jets of each class\n\n{TABLE}{ROW}\n{note}\n## Pictures\n\n![a](a.png)\n"
        _put(folder / name, text)
    sample = {"name": "tt", "images": 24, "jets": 60}
    _json(folder / "summary/summary.json", {"samples": [sample], "n_shards": 4, "n_bytes": 2_041_712, "balances": True})
    _json(folder / "check/tt.json", [{"path": "a.root", "verdict": "ok"}, {"path": "b.root", "verdict": "truncated"}])
    _json(folder / "audit/tt.json", {"total": COUNTS})
    detectors = {name: {"kind": "network"} for name in ("pfjet-full", "pfjet-int8")} | {
        "baseline": {"kind": "baseline"}
    }
    evaluation = {"data_set": {"split": "test", "sample": "tth"}, "detectors": detectors}
    _json(folder / "networks/evaluation/tth/evaluation.json", evaluation)
    runs = [{"architecture": name} for name in ("gru", "gru", "resnet")]
    classified = {"task": "top", "config": {"task": {"classes": ["t", "q"]}}, "runs": runs}
    _json(folder / "classifiers/top/classification.json", classified)
    _json(folder / "networks/masks/objects/masks.json", {"split": "heldout"})
    for version in ("full", "int8"):
        _put(folder / "networks/pfjet" / version / "network.pt", "")
        _put(folder / "networks/pfjet" / version / "network.onnx", "")
    _put(folder / "verified.txt", f"{folder}/dataset: 4 files, 24 events, no faults\n")
    campaign = {"samples": {"tt": {"compare_to": ["tests/data/tt.root"]}, "tth": {"test": True}}}
    _put(folder / "settings/campaign.yaml", yaml.safe_dump(campaign))
    return folder


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _json(path: Path, content: object) -> None:
    _put(path, json.dumps(content))
