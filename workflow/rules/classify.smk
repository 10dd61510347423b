# Classifiers of objects or events, on the same data set.


rule train_classifiers:
    """Classifiers of one task, side by side."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
        verified=f"{RESULTS}/verified.txt",
    output:
        json=f"{RESULTS}/classifiers/{{network}}/classification.json",
        table=report(
            f"{RESULTS}/classifiers/{{network}}/classification.md",
            caption="../report/classification.rst",
            category="Networks",
            subcategory="Classifiers",
        ),
        pictures=report(
            expand(
                f"{RESULTS}/classifiers/{{{{network}}}}/{{name}}.png",
                name=["roc", "energy", "examples"],
            ),
            caption="../report/classification.rst",
            category="Networks",
            subcategory="Classifiers",
        ),
    log:
        CAMPAIGN.log("classify/{network}"),
    benchmark:
        CAMPAIGN.benchmark("classify/{network}")
    conda:
        "../envs/models.yaml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("train"),
        gpu=CONFIG.gpus,
    params:
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.json, parent=True),
        chosen=lambda w: CONFIG.classifiers[w.network].options(),
    shell:
        "jetimg models classify {params.dataset:q} {params.chosen:q} --output {params.folder:q} > {log:q} 2>&1"


rule classify:
    """Target: classifiers, trained and measured."""
    input:
        expand(
            f"{RESULTS}/classifiers/{{network}}/classification.json",
            network=CONFIG.classifiers,
        ),
