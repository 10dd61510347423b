"""The default profile without its logger: Snakemake's own lines, where a test looks at single jobs."""

import tempfile
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


@cache
def plain_profile() -> list[str]:
    """Options for Snakemake."""
    settings = yaml.safe_load((ROOT / "workflow/profiles/default/config.yaml").read_text())
    del settings["logger"]
    folder = Path(tempfile.mkdtemp(prefix="jetimg-profile-"))
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return ["--workflow-profile", str(folder)]
