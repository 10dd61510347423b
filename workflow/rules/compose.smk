# A second data set: images composed of the first one's events, which have one object each.


rule compose:
    """Composed images of each split, with masks, verified."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        verified=f"{RESULTS}/verified.txt",
    output:
        manifest=f"{RESULTS}/composed/manifest.json",
        verified=f"{RESULTS}/composed.txt",
    log:
        CAMPAIGN.log("compose"),
    benchmark:
        CAMPAIGN.benchmark("compose")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("compose"),
    params:
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.manifest, parent=True),
        chosen=CONFIG.composed.options() if CONFIG.composed else [],
    shell:
        "( jetimg compose-dataset {params.dataset:q} {params.chosen:q} --output {params.folder:q} "
        "&& jetimg verify {params.folder:q} > {output.verified:q} ) 2> {log:q} >&2"


rule composed:
    """Target: the data set of composed images."""
    input:
        rules.compose.output if CONFIG.composed else [],
