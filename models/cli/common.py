"""What the commands of networks share: options, names, configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jetimg.cli.options import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.networks.config import Config

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
    """Refuses a device that there is not.

    Raises:
        typer.BadParameter: naming those that there are.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise typer.BadParameter(f"--device {device}: auto, cpu or cuda")


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
