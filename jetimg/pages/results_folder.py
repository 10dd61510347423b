"""What a campaign left in its folder of results, and the commands that make it again."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jetimg.common.errors import DataError
from jetimg.pages.markdown import read_text


@dataclass(frozen=True)
class Results:
    """A folder of results.

    Attributes:
        folder: as it was named.
        campaign: its configuration; empty where it was not kept.
    """

    folder: Path
    campaign: dict[str, Any]

    @classmethod
    def of(cls, folder: Path) -> "Results":
        """The results in a folder.

        Raises:
            DataError: no folder, or its configuration is none.
        """
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder of results")
        kept = folder / "settings" / "campaign.yaml"
        try:
            campaign = yaml.safe_load(read_text(kept)) if kept.is_file() else {}
        except yaml.YAMLError as error:
            raise DataError(f"{kept}: not YAML: {' '.join(str(error).split())}") from error
        if not isinstance(campaign, dict):
            raise DataError(f"{kept}: not a configuration")
        return cls(folder, campaign)

    def find(self, pattern: str) -> list[Path]:
        """Files and folders, by a pattern below the folder; in their order by name."""
        return sorted(self.folder.glob(pattern))

    def json(self, path: Path) -> Any:
        """The content of a JSON file.

        Raises:
            DataError: it cannot be read, or is no JSON.
        """
        try:
            return json.loads(read_text(path))
        except ValueError as error:
            raise DataError(f"{path}: not JSON: {error}") from error

    @property
    def dataset(self) -> Path:
        """The data set."""
        return self.folder / "dataset"

    @property
    def detector(self) -> list[object]:
        """The option for the detector, if it is not the usual one."""
        chosen = self.campaign.get("detector")
        return ["--detector", chosen] if chosen else []

    def sample(self, name: str) -> dict[str, Any]:
        """What the configuration says of a sample."""
        chosen = self.campaign.get("samples", {}).get(name)
        return chosen if isinstance(chosen, dict) else {}

    def list_of(self, sample: str) -> str:
        """The list of a sample's input files, as commands take it."""
        return f"@{self.folder / 'lists' / f'{sample}.txt'}"


def command(*words: object) -> str:
    """A line for the shell."""
    return shlex.join(str(word) for word in words)
