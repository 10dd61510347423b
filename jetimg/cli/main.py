"""The command `jetimg`: the commands of this package, and those that other packages register.

A package offers a group of commands by an entry point in the group `jetimg.commands`: its name is the group's, its
object a `typer.Typer`. So `jetimg detector`, `jetimg models` and `jetimg campaign` are found without an import upward.
What a command needs is imported when it runs, so that help comes at once.

Exit codes: 0 done, 1 the data are at fault, 2 the call is, 3 the machine is: try again.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from detector.common import logs
from detector.common.errors import CallError
from jetimg import __version__
from jetimg.cli import composition, data, options, pages, release, reports

GROUP = "jetimg.commands"


class Commands(TyperGroup):
    """Our own commands, and groups of others that are loaded when they are called."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Names, our own first."""
        return [*super().list_commands(ctx), *sorted(registered())]

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        """A command by its name; one that stands in a group is named with its group."""
        name = args[0]
        if self.get_command(ctx, name) is None:
            for group in registered():
                if (found := self.get_command(ctx, group)) is not None and name in found.commands:  # type: ignore[attr-defined]
                    raise CallError(f"no command {name}: it is `jetimg {group} {name}`")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> typer.core.TyperCommand | None:  # type: ignore[override]
        """A command by its name."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in registered():
            return own  # type: ignore[return-value]
        group = get_command(registered()[cmd_name].load())
        group.name = cmd_name
        return group  # type: ignore[return-value]


@cache
def registered() -> dict[str, EntryPoint]:
    """Groups of commands that installed packages offer, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _version(wanted: bool) -> None:
    if wanted:
        print(f"jetimg {__version__}")
        raise typer.Exit


def _options(
    context: typer.Context,
    verbose: logs.Verbose = False,
    quiet: logs.Quiet = False,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    logs.options(context, verbose, quiet)


app = typer.Typer(
    cls=Commands,
    help="Delphes files to verified jet-image data sets, and detectors trained on them.",
    callback=_options,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app)
app.add_typer(reports.app)
app.add_typer(composition.app)
app.add_typer(pages.app)
app.add_typer(release.app)


def main() -> None:
    """Runs a command."""
    options.run(app)
