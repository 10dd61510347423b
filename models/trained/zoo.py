"""Networks that come with the project, by name: `models/zoo/NAME.pt` or `NAME.onnx`, with a card `NAME.md` beside."""

from pathlib import Path

from detector.common.errors import CallError

ZOO = Path(__file__).parents[1] / "zoo"
SUFFIXES = (".pt", ".onnx")


def names() -> dict[str, Path]:
    """The networks that there are; of a name with two files, the checkpoint."""
    found = {path.stem: path for suffix in reversed(SUFFIXES) for path in ZOO.glob(f"*{suffix}")}
    return dict(sorted(found.items()))


def resolve(network: str | Path) -> Path:
    """The file of a network: the one that is named, or that of a name of the zoo.

    Raises:
        CallError: neither.
    """
    path, known = Path(network), names()
    if path.is_file():
        return path
    if str(network) in known:
        return known[str(network)]
    there = f"the zoo has {', '.join(known)}" if known else "the zoo is empty"
    if path.is_dir():
        raise CallError(f"{network}: a folder; name a file in it (network.pt), or a network of the zoo: {there}")
    raise CallError(f"{network}: no such file, and no network of this name: {there}")
