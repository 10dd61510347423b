"""Results that Snakemake keeps in a bucket (`--default-storage-provider`).

Snakemake copies each input of a job from the bucket into a folder of its own, and each output to the bucket. It changes
the names of inputs and outputs in a command; but plans and lists have names as well, which are in the data. So a link
with the name of the results folder leads to Snakemake's copies, and all names hold: the data have the same bytes as on
a disk.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from workflow.campaign.errors import ConfigError
from workflow.campaign.paths import Campaign

WITHOUT = "or run without --default-storage-provider"


class ResultsInStorage:
    """Where results are, if Snakemake keeps them in storage; false if it does not.

    Args:
        workflow: Snakemake's.
        campaign: the campaign; ends the process with one message if it cannot be kept in storage.
    """

    def __init__(self, workflow: Any, campaign: Campaign) -> None:
        self._provider = workflow.storage_registry.default_storage_provider
        self._results = campaign.results
        self._copies = ""
        if not self:
            return
        prefix = workflow.storage_settings.default_storage_prefix.rstrip("/")
        self._copies = str(self._provider.object(f"{prefix}/{os.path.normpath(self._results)}").local_path())
        try:
            self._check(campaign)
        except ConfigError as error:
            sys.exit(str(error))

    def __bool__(self) -> bool:
        return self._provider is not None

    def _check(self, campaign: Campaign) -> None:
        """Refuses what storage cannot hold: files that no rule names, as only a command knows them."""
        results, config = Path(self._results), campaign.config
        if results.is_absolute() or ".." in results.parts:
            raise ConfigError(f"results: {results}: in storage, the name of a folder inside the working folder")
        if results.exists() and not results.is_symlink():
            raise ConfigError(f"results: {results} is a folder of a run without storage; take another name, {WITHOUT}")
        for name, sample in config.samples.items():
            if sample.made is not None:
                raise ConfigError(
                    f"samples.{name}: files cannot be simulated into storage; simulate them first, with results on a "
                    f"disk, and name them under `files`; {WITHOUT}"
                )
        if config.composed:
            raise ConfigError(f"composed: composed images cannot be made in storage; leave the key out, {WITHOUT}")

    def prefix(self) -> str:
        """What each shell command begins with: the link to the copies; several jobs may make it at once."""
        copies, link = (shlex.quote(name) for name in (str(Path.cwd() / self._copies), self._results))
        return (
            f"set -euo pipefail; mkdir -p {copies} $(dirname {link}); "
            f"[ -L {link} ] || ln -s {copies} {link} 2> /dev/null || [ -L {link} ]; "
        )

    def here(self, file: Any) -> str:
        """The copy of a file that is read while Snakemake plans.

        Args:
            file: an output of a rule, as Snakemake has it.
        """
        if self and not Path(file).is_file():
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            file.storage_object.retrieve_object()
        return str(file)
