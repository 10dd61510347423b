"""Modules of users' networks whose code may be run.

A checkpoint names the class of its network, and importing a module runs its code. A class that a configuration names
is the user's own choice. One that only a checkpoint names is imported if the environment variable JETIMG_NETWORKS lists
its module, separated by commas from others: a checkpoint from elsewhere runs no code.
"""

import os

VARIABLE = "JETIMG_NETWORKS"


def trusted() -> list[str]:
    """Modules whose code may be run."""
    return [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]


def trust(architecture: str) -> None:
    """Allows `package.module:Class`, in this process and in those that it starts."""
    module, _, _ = architecture.partition(":")
    os.environ[VARIABLE] = ",".join(dict.fromkeys([*trusted(), module]))
