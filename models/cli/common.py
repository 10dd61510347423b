"""What the commands of networks share: options, names, configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jetimg.cli.options import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.networks.config import Config

NETWORK = "A checkpoint, or a name of the zoo (fast, trigger, ...)."
Folder = Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of shards and manifest.", file_okay=False)]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto: GPUs if there are any.")]


def settings(config: Path | None, device: str, **sections: dict[str, Any]) -> "Config":
    """The configuration, with what the call chose.

    Raises:
        typer.BadParameter: wrong device, or wrong configuration.
    """
    from jetimg.common.errors import DataError
    from models.networks import config as configs

    check_device(device)
    try:
        return configs.read(config, **sections)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error


def say(text: str) -> None:
    """A line of the result, as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def check_device(device: str) -> None:
    """Refuses a device that there is not, before anything is read.

    Raises:
        CallError: naming those that there are.
    """
    from models.trained import device as devices

    devices.chosen(device)


def network(text: str | Path) -> Path:
    """The file of a network: the one that is named, or that of a name of the zoo.

    Raises:
        CallError: neither.
    """
    from models.trained import zoo

    return zoo.resolve(text)


def networks(models: list[str], own_name: "Callable[[Path], str]") -> dict[str, Path]:
    """Networks by name, as `named`; a network of the zoo has its own.

    Raises:
        CallError: neither a file nor a name of the zoo.
    """
    from models.trained import zoo

    found = named(models, lambda path: str(path) if str(path) in zoo.names() else own_name(path))
    return {name: zoo.resolve(path) for name, path in found.items()}


def named(models: list[str], own_name: "Callable[[Path], str]") -> dict[str, Path]:
    """Files by name: NAME=PATH, or PATH with a name that follows from it."""
    found: dict[str, Path] = {}
    for text in models:
        name, equals, path = text.partition("=")
        if not equals or Path(text).is_file():
            name, path = own_name(Path(text)), text
        if not name or name in found:
            raise typer.BadParameter(f"{text}: the name {name!r} is {'taken' if name else 'empty'}; give NAME=PATH")
        found[name] = Path(path)
    return found
