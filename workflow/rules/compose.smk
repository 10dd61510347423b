# A second data set: images composed of the first one's events, which have one object each; and the masks that networks
# find in them.

# The split of composed images that masks are measured on.
MEASURED = CONFIG.composed.measured if CONFIG.composed else None


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


rule measure_masks:
    """The masks that a network finds in composed images."""
    input:
        manifest=f"{RESULTS}/composed/manifest.json",
        verified=f"{RESULTS}/composed.txt",
        network=f"{RESULTS}/networks/{{network}}/full/network.pt",
    output:
        json=f"{RESULTS}/networks/masks/{{network}}/masks.json",
        table=report(
            f"{RESULTS}/networks/masks/{{network}}/masks.md",
            caption="../report/masks.rst",
            category="Networks",
            subcategory="Masks",
        ),
        picture=report(
            f"{RESULTS}/networks/masks/{{network}}/masks.png",
            caption="../report/masks.rst",
            category="Networks",
            subcategory="Masks",
        ),
    log:
        CAMPAIGN.log("masks/{network}"),
    benchmark:
        CAMPAIGN.benchmark("masks/{network}")
    conda:
        "../envs/models.yaml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("evaluate"),
        gpu=CONFIG.gpus,
    params:
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.json, parent=True),
        split=MEASURED,
    shell:
        "jetimg models masks {params.dataset:q} {input.network:q} --split {params.split:q} --output {params.folder:q} "
        "> {log:q} 2>&1"


rule masks:
    """Target: masks of objects in composed images, measured."""
    input:
        expand(
            f"{RESULTS}/networks/masks/{{network}}/masks.json",
            network=NETWORKS.of_masks() if MEASURED else [],
        ),
