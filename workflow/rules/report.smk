# Pages for people: the event viewer, and one of everything above; each is one HTML file that needs no other.


rule view:
    """The event viewer: some hundred events, with what the first network found in them."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
        detections=lambda _: (
            NETWORKS.seen() if CAMPAIGN.first_test_shards(plan_file()) else []
        ),
    output:
        f"{RESULTS}/events.html",
    log:
        CAMPAIGN.log("view"),
    benchmark:
        CAMPAIGN.benchmark("view")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("show"),
    params:
        dataset=subpath(input.manifest, parent=True),
        detections=lambda _, input: [
            f"--detections={name}" for name in input.get("detections", [])
        ],
    shell:
        "jetimg view {params.dataset:q} {params.detections:q} --output {output:q} > {log:q} 2>&1"


rule page:
    """The report: all tables and pictures, each with the command that makes it again."""
    input:
        rules.dataset.input,
        rules.look.input,
        rules.evaluate.input,
        rules.benchmark.input,
        rules.masks.input,
        rules.classify.input,
        viewer=rules.view.output,
        settings=f"{RESULTS}/settings/campaign.yaml",
    output:
        f"{RESULTS}/report.html",
    log:
        CAMPAIGN.log("page"),
    benchmark:
        CAMPAIGN.benchmark("page")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("show"),
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "jetimg report {params.folder:q} --output {output:q} > {log:q} 2>&1"


# Snakemake makes its report in a call of its own, of what is there; this run holds the lock.
rule report:
    """Target: Snakemake's own report, with the rules and what they took."""
    input:
        page=rules.page.output,
        settings=f"{RESULTS}/settings/campaign.yaml",
    output:
        f"{RESULTS}/snakemake-report.html",
    log:
        CAMPAIGN.log("report"),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        snakefile=workflow.main_snakefile,
    shell:
        "python -m snakemake --snakefile {params.snakefile:q} --configfile {input.settings:q} --nolock "
        "--report {output:q} > {log:q} 2>&1"
