# What people look at: the table, distributions, events, and the audit of crystals and pixels.


rule summary:
    """Events, files and jets of each sample, beside the table of October 2019; distributions."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
        verified=f"{RESULTS}/verified.txt",
    output:
        json=f"{RESULTS}/summary/summary.json",
        table=report(
            f"{RESULTS}/summary/summary.md",
            caption="../report/summary.rst",
            category="Data set",
        ),
        pictures=report(
            expand(
                f"{RESULTS}/summary/{{name}}.png",
                name=["distributions", "boxes_per_image"],
            ),
            caption="../report/distributions.rst",
            category="Data set",
        ),
    log:
        CAMPAIGN.log("summary"),
    benchmark:
        CAMPAIGN.benchmark("summary")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("summary"),
    params:
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.json, parent=True),
    shell:
        "jetimg summary {params.dataset:q} --output {params.folder:q} > {log:q} 2>&1"


rule show:
    """The picture of one event of a sample."""
    input:
        f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
    output:
        report(
            f"{RESULTS}/pictures/{{sample}}.png",
            caption="../report/show.rst",
            category="Events",
        ),
    log:
        CAMPAIGN.log("show/{sample}"),
    benchmark:
        CAMPAIGN.benchmark("show/{sample}")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("show"),
    params:
        dataset=subpath(input[0], parent=True),
    shell:
        "jetimg show {params.dataset:q} --sample {wildcards.sample:q} --output {output:q} > {log:q} 2>&1"


rule compare:
    """A sample's files beside others of the same process: means, spectra, energy by ring, jet response."""
    input:
        plan=f"{RESULTS}/plan.json",
        files=lambda w: on_disk(CAMPAIGN.good(w.sample, plan_file())),
        others=lambda w: on_disk(CAMPAIGN.others(w.sample)),
    output:
        report(
            directory(f"{RESULTS}/validation/{{sample}}"),
            patterns=["{name}.png", "compare.md"],
            caption="../report/validation.rst",
            category="Simulation",
        ),
    log:
        CAMPAIGN.log("compare/{sample}"),
    benchmark:
        CAMPAIGN.benchmark("compare/{sample}")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("compare"),
    params:
        others=lambda _, input: [f"--to={name}" for name in input.others],
        pool=CONFIG.simulation.pool_events,
        detector=option("--detector", CAMPAIGN.detector),
    shell:
        "jetimg compare {input.files:q} {params.others:q} --sample {wildcards.sample:q} --label-a ours "
        "--label-b others --pool-a {params.pool:q} {params.detector:q} --output {output:q} > {log:q} 2>&1"


rule look:
    """Target: what people look at: summary, pictures, comparisons, audits."""
    input:
        expand(f"{RESULTS}/validation/{{sample}}", sample=CAMPAIGN.compared()),
        rules.summary.output,
        expand(f"{RESULTS}/pictures/{{sample}}.png", sample=CONFIG.samples),
        expand(f"{RESULTS}/audit/{{sample}}.json", sample=CONFIG.samples),
