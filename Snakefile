"""Delphes files to a verified data set of jet images, and to detectors trained on it. Targets: all, dataset, look,
rerun_failed, release, publish, download, train, quantize, prune, evaluate, export, benchmark, report.
"""

import sys

from snakemake.utils import min_version

min_version("9.11")
sys.path.insert(0, workflow.basedir)

from workflow.campaign.paths.paths import Campaign, expand_names, option
from workflow.campaign.paths.networks import Detectors, labelled

# A configuration of one's own replaces the default one; merging the two would mix their samples.
if "samples" not in config:

    configfile: "workflow/config/default.yaml"


report: "workflow/report/workflow.rst"


CAMPAIGN = Campaign(config)
CONFIG, RESULTS = CAMPAIGN.config, CAMPAIGN.results
DETECTORS = CampaignNetworks(CONFIG.detectors, RESULTS)
if workflow.is_main_process:
    CAMPAIGN.write_lists()
    if "rerun_failed" in sys.argv:
        CAMPAIGN.mark_failed()


wildcard_constraints:
    sample="[A-Za-z][A-Za-z0-9]*",
    detector="[A-Za-z][A-Za-z0-9]*",
    group=r"\d{5}",
    index=r"\d{5}",
    shard=r"(train|validation|test|heldout)-\d{5}",


include: "workflow/rules/simulate.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/check.smk"
include: "workflow/rules/convert.smk"
include: "workflow/rules/shard.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/release.smk"
include: "workflow/rules/detectors.smk"


rule rerun_failed:
    input:
        rules.dataset.input,


rule all:
    default_target: True
    input:
        rules.dataset.input,
        rules.look.input,
        rules.evaluate.input,
        rules.benchmark.input,


include: "workflow/rules/report.smk"
