"""Delphes files to a verified data set of jet images, and to networks trained on it. `snakemake --list` shows targets."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.11")
sys.path.insert(0, workflow.basedir)
sys.dont_write_bytecode = True  # a dry run leaves nothing behind

from jetimg.dataset.plan import SPLITS
from workflow.campaign.failed import FailedFiles
from workflow.campaign.groups import JobGroups
from workflow.campaign.htcondor_jobs import mend_htcondor_jobs
from workflow.campaign.networks import CampaignNetworks, labelled
from workflow.campaign.paths import option, options
from workflow.campaign.progress_lines import lines_without_terminal
from workflow.campaign.remote_inputs import mend_remote_inputs
from workflow.campaign.scheduler_timer import one_timer_at_a_time
from workflow.campaign.settings import settings_files
from workflow.campaign.slurm_groups import run_side_by_side
from workflow.campaign.slurm_status import keep_status_command
from workflow.campaign.start import announce, close, start
from workflow.campaign.storage import ResultsInStorage

DEFAULT = f"{workflow.basedir}/workflow/config/default.yaml"

# A configuration of one's own replaces the default one; merging the two would mix their samples, or make the demo's
# where one's own lack.
if (
    not workflow.overwrite_configfiles
    and "samples" not in config
    and Path(DEFAULT).is_file()
):

    configfile: DEFAULT


report: "workflow/report/workflow.rst"


FILES = [*workflow.overwrite_configfiles, *workflow.configfiles]
CAMPAIGN = start(config, FILES, workflow.basedir, talk=workflow.is_main_process)
CONFIG, RESULTS, SIMULATED = CAMPAIGN.config, CAMPAIGN.results, CAMPAIGN.simulated
NETWORKS = CampaignNetworks(CONFIG.networks, RESULTS)
FAILED, SETTINGS = FailedFiles(CAMPAIGN), settings_files(CAMPAIGN, NETWORKS)
GROUPS, STORAGE = JobGroups(workflow), ResultsInStorage(workflow, CAMPAIGN)
lines_without_terminal(workflow)
one_timer_at_a_time()
run_side_by_side()
keep_status_command()
mend_htcondor_jobs()
mend_remote_inputs(workflow)


include: "workflow/rules/common.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/check.smk"
include: "workflow/rules/convert.smk"
include: "workflow/rules/shard.smk"
include: "workflow/rules/compose.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/release.smk"
include: "workflow/rules/networks.smk"
include: "workflow/rules/classify.smk"
include: "workflow/rules/report.smk"


rule all:
    """Target: everything that the configuration asks for, but for releases and Snakemake's own report."""
    default_target: True
    input:
        rules.dataset.input,
        rules.composed.input,
        rules.look.input,
        rules.evaluate.input,
        rules.benchmark.input,
        rules.masks.input,
        rules.classify.input,
        rules.page.output,
