# The data set as records of an archive: made, sent, and fetched again. Nothing here is part of `all`.


rule release:
    """Target: folders that are ready for an archive: shards, metadata, checksums."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
        verified=f"{RESULTS}/verified.txt",
        metadata=f"{RESULTS}/settings/release.yaml",
        include=rules.summary.output,
    output:
        # The folder holds record-1, record-2, ... where one record is too small: only the command knows.
        done=f"{RESULTS}/released.txt",
        folder=folder_in_storage("release"),
    log:
        CAMPAIGN.log("release"),
    benchmark:
        CAMPAIGN.benchmark("release")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("release"),
    params:
        include=lambda _, input: [f"--include={name}" for name in input.include],
        detector=option("--detector", CAMPAIGN.detector),
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.done, strip_suffix="d.txt"),
    shell:
        "jetimg release {params.dataset:q} --metadata {input.metadata:q} {params.include:q} {params.detector:q} "
        "--output {params.folder:q} > {log:q} 2>&1 && cp {log:q} {output.done:q}"


# The token stays in the environment of this machine: a cluster job would carry it into files.
rule publish:
    """Target: the release, sent to Zenodo."""
    input:
        done=f"{RESULTS}/released.txt",
        folder=[f"{RESULTS}/release"] if STORAGE else [],
    output:
        f"{RESULTS}/deposits.json",
    log:
        CAMPAIGN.log("publish"),
    retries: 0
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        server="" if CONFIG.release.sandbox else "--production",
        url=option("--url", CONFIG.release.server),
        final="--publish" if CONFIG.release.publish else "",
        folder=subpath(input.done, strip_suffix="d.txt"),
    shell:
        "jetimg publish {params.folder:q} {params.server:q} {params.url:q} {params.final:q} --output {output:q} "
        "> {log:q} 2>&1"


rule download:
    """Target: a data set, fetched from Zenodo."""
    output:
        done=f"{RESULTS}/downloaded.txt",
        folder=folder_in_storage("downloaded"),
    log:
        CAMPAIGN.log("download"),
    retries: 0
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        records=list(CONFIG.release.download),
        server="--sandbox" if CONFIG.release.sandbox else "",
        url=option("--url", CONFIG.release.server),
        folder=subpath(output.done, strip_suffix=".txt"),
    shell:
        "jetimg download {params.records:q} {params.server:q} {params.url:q} --output {params.folder:q} "
        "> {log:q} 2>&1 && cp {log:q} {output.done:q}"
