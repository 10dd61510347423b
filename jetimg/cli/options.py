"""What the commands share: options, lists of files, exit codes."""

import errno
import glob
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console

from detector import Detector, load
from detector.common import errors as detector_errors
from detector.common import extras, logs
from detector.geometry.tower_map import ecal_map, hcal_map
from detector.simulation.processes import PROCESSES
from jetimg.common.atomic import write_text
from jetimg.common.errors import DataError, MachineFault
from jetimg.common.machine_faults import check_address_space, is_machine_fault, reason
from jetimg.imaging import settings

Files = Annotated[list[str], typer.Argument(help="Files, or @LIST for a text file with one name a line.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="File to make; it appears complete or not at all.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="YAML file with image settings.", dir_okay=False)]
DetectorFile = Annotated[
    Path | None, typer.Option("--detector", help="Detector description; the CMS-like one if not given.", dir_okay=False)
]
Source = Annotated[str | None, typer.Option(help="Calorimeter branches: eflow or tower.")]
Hcal = Annotated[str | None, typer.Option(help="HCAL towers: point or spread.")]
Truth = Annotated[str | None, typer.Option(help="Boxes from: jets, status or genjet.")]
Nested = Annotated[
    str | None,
    typer.Option(help="Labelled particles inside labelled ones: all or outermost; by the truth mode if not given."),
]
Bits = Annotated[int | None, typer.Option("--value-bits", help="Mantissa bits kept of pixel values; 23 is lossless.")]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Exit with 0 although files are bad; they stand in the output.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Model = TypeVar("Model", bound=BaseModel)

# Tables in log files are not cut to 80 columns; names of files may look like rich's markup, or like its emoji (:x:).
console = Console(width=None if sys.stdout.isatty() else 160, markup=False, emoji=False)


# Exit code where the machine is at fault.
MACHINE = 3


def app(text: str) -> typer.Typer:
    """A group of commands with this help text, and the options of the log."""
    return typer.Typer(
        help=text,
        callback=logs.options,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def run(application: typer.Typer) -> None:
    """Runs an application; faults end it with one message: of the data with exit code 1, of the call 2, the machine 3.

    A package that is missing because its extra was not installed is a fault of the call.
    """
    try:
        check_address_space()
        application()
    except (DataError, detector_errors.DataError) as error:
        fail(str(error))
    except detector_errors.CallError as error:
        fail(str(error), code=2)
    except MachineFault as error:
        fail(f"{error}; try again", code=MACHINE)
    except ModuleNotFoundError as error:
        if (advice := extras.advice(error)) is None:
            raise
        fail(advice, code=2)
    except (OSError, MemoryError, RuntimeError, ImportError) as error:
        where = getattr(error, "filename", None)
        if getattr(error, "errno", None) == errno.ENAMETOOLONG:
            fail(f"{where}: no file system takes a name of {len(os.fsencode(Path(str(where)).name))} bytes", code=2)
        if not is_machine_fault(error):
            raise
        fail(f"{f'{where}: ' if where else ''}the machine is at fault: {reason(error)}; try again", code=MACHINE)


def fail(message: str, code: int = 1) -> NoReturn:
    """Says what is wrong and exits with this code: 1 if the data are at fault, 2 if the call, 3 if the machine."""
    if code == MACHINE:  # rich opens files, and there may be none left
        print(message, file=sys.stderr)
    else:
        Console(stderr=True, emoji=False).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


def check_sample(sample: str) -> None:
    """Refuses what is no name of a sample: pictures and folders are called after it.

    Raises:
        typer.BadParameter: saying what a name is.
    """
    if not re.fullmatch(r"\w[\w.+-]*", sample):
        raise typer.BadParameter(f"--sample {sample}: a sample's name has letters, digits and _")


def expand(names: Sequence[str]) -> list[Path]:
    """The files that were named, with each @LIST replaced by the lines of LIST.

    Raises:
        typer.BadParameter: no file is named, a list cannot be read, or a name is an address.
    """
    if remote := [name for name in names if "://" in name]:
        raise typer.BadParameter(
            f"{remote[0]}: an address; commands read local files: copy it first, or name it in a campaign's `files`, "
            "which fetches it (docs/cluster.md)"
        )
    paths: list[Path] = []
    for name in names:
        if name.startswith("@"):
            try:
                lines = Path(name[1:]).read_text().splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise typer.BadParameter(f"{name[1:]}: {getattr(error, 'strerror', None) or error}") from error
            paths += [Path(line) for line in lines if line]
        else:
            paths.append(Path(name))
    if not paths:
        raise typer.BadParameter(f"{', '.join(names)}: names no file")
    for path in paths:
        check_utf8(path)
    return paths


def check_utf8(path: Path) -> None:
    """Refuses a file that no data set could name: names in HDF5 and JSON are UTF-8.

    Raises:
        typer.BadParameter: the name is not UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise typer.BadParameter(f"{str(path)!a}: the name is not UTF-8; rename the file") from error


def by_sample(names: Sequence[str], sample: str | None) -> dict[str, list[Path]]:
    """Files, @LISTs and patterns, by sample: the one given, or the first that a name or folder begins with."""
    found: dict[str, list[Path]] = {}
    for path in expand(names):
        matching = [Path(name) for name in sorted(glob.glob(str(path)))] if _is_pattern(path) else [path]
        if not matching:
            raise typer.BadParameter(f"{path}: matches no file")
        for file in matching:
            check_utf8(file)
            found.setdefault(sample or _sample_of(file), []).append(file)
    return dict(sorted(found.items()))


def _is_pattern(path: Path) -> bool:
    return glob.has_magic(str(path)) and not path.exists()


def _sample_of(path: Path) -> str:
    """The sample that the file's name begins with, or that its folder is called; "events" if neither."""
    own = re.split(r"[^A-Za-z0-9]", path.stem)[0]
    return next((name for name in (own, path.absolute().parent.name) if name in PROCESSES), "events")


def image_settings(path: Path | None, **overrides: Any) -> settings.ImageSettings:
    """Image settings from a file and options; wrong ones are the call's fault."""
    try:
        return settings.read(path, **overrides)
    except (DataError, OSError) as error:
        raise typer.BadParameter(str(error)) from error


def chosen(kind: type[Model], options: Mapping[str, Any]) -> Model:
    """Settings with what a call chose; their own defaults stand for options that are None.

    Raises:
        typer.BadParameter: a value that the settings do not take.
    """
    try:
        return kind.model_validate({key: value for key, value in options.items() if value is not None})
    except ValidationError as error:
        faults = (
            f"--{str(fault['loc'][0]).replace('_', '-')} {fault['input']}: {fault['msg']}" for fault in error.errors()
        )
        raise typer.BadParameter("; ".join(faults)) from error


def description(path: Path | None) -> Detector:
    """The detector; a wrong description is the call's fault, as are cells that do not fit its pixels."""
    try:
        described = load(path)
        ecal_map(described)
        hcal_map(described)
        return described
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from error


def save_or_print(content: Any, output: Path | None) -> None:
    """JSON to a file, or to the terminal if there is none."""
    text = json.dumps(content, indent=1)
    if output is None:
        print(text)
    else:
        write_text(output, text + "\n")
