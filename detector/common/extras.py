"""Which extra of `jetimg` brings a package that is not installed.

The extras are read from the installed project's metadata, so that they stand in pyproject.toml alone.
"""

import re
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec

DISTRIBUTION = "jetimg"
# Extras for work on the project itself; another extra that has the same package is named first.
OF_DEVELOPERS = ("test", "dev")


def advice(error: ModuleNotFoundError) -> str | None:
    """One line on what to install, for an import that failed.

    Args:
        error: what the import raised.

    Returns:
        The line; None if the missing module is in no extra of the project.
    """
    module = (error.name or "").partition(".")[0]
    extra = _extra_of(module)
    if extra is None:
        return None
    return f'{module} is not installed; this needs the extra "{extra}": pip install "{DISTRIBUTION}[{extra}]"'


def need(module: str) -> None:
    """Checks that a module is installed which is run as a program, not imported.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def _extra_of(module: str) -> str | None:
    """The extra that has the package of a top-level module; such packages are called like their modules."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return None
    found = [extra for name, extra in map(_parts, lines) if extra and name == _normalised(module)]
    return min(found, key=lambda extra: extra in OF_DEVELOPERS, default=None)


def _parts(line: str) -> tuple[str, str | None]:
    """Package and extra of a line such as `zenodo-get>=3.1; extra == "release"`."""
    name = re.match(r"[\w.-]+", line)
    extra = re.search(r"""extra == ["']([\w-]+)["']""", line)
    return _normalised(name[0] if name else ""), extra and extra[1]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
