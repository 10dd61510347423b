"""Small files that rules write for commands: settings, and lists of names that no command line holds."""

from collections.abc import Callable

from workflow.campaign.networks import CampaignNetworks
from workflow.campaign.paths import Campaign


def settings_files(campaign: Campaign, networks: CampaignNetworks) -> dict[str, Callable[[], str]]:
    """What stands in each file, by its name inside the results folder; made when it is asked for."""
    config = campaign.config
    files: dict[str, Callable[[], str]] = {
        "settings/campaign.yaml": campaign.as_read_here,
        "settings/images.yaml": lambda: config.images.model_dump_json(indent=1),
        "settings/release.yaml": lambda: config.release.model_dump_json(indent=1, exclude_defaults=True),
        "lists/events.txt": lambda: "\n".join(campaign.event_files()),
        "lists/backend.txt": lambda: campaign.simulated.backend,
        "lists/file-splits.tsv": lambda: "\n".join(
            f"{name}\t{split}" for name, split in campaign.simulated.file_splits()
        ),
    }
    files |= {f"lists/{sample}.txt": _list_of(campaign, sample) for sample in config.samples}
    return files | {f"settings/{name}.yaml": text for name, text in networks.settings().items()}


def _list_of(campaign: Campaign, sample: str) -> Callable[[], str]:
    return lambda: "\n".join(campaign.inputs(sample))
