# The data set as records of an archive: made, sent, and fetched again. Nothing here is part of `all`.


rule metadata:
    output:
        f"{RESULTS}/settings/release.yaml",
    log:
        f"{RESULTS}/logs/metadata.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        release=CONFIG.release.model_dump_json(indent=1),
    shell:
        "printf '%s\\n' {params.release:q} > {output} 2> {log}"


rule release:
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        verified=f"{RESULTS}/verified.txt",
        metadata=f"{RESULTS}/settings/release.yaml",
        include=rules.summary.output,
    output:
        # The folder holds record-1, record-2, ... where one record is too small: only the command knows.
        f"{RESULTS}/released.txt",
    log:
        f"{RESULTS}/logs/release.log",
    benchmark:
        f"{RESULTS}/benchmarks/release.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("release"),
    params:
        include=lambda _, input: [f"--include={name}" for name in input.include],
        detector=option("--detector", CONFIG.detector),
    shell:
        "jetimg release $(dirname {input.manifest}) --metadata {input.metadata} {params.include:q} "
        "{params.detector} --output $(dirname {output})/release > {log} 2>&1 && cp {log} {output} || (cat {log} >&2; exit 1)"


# The token stays in the environment of this machine: a cluster job would carry it into files.
rule publish:
    input:
        f"{RESULTS}/released.txt",
    output:
        f"{RESULTS}/deposits.json",
    log:
        f"{RESULTS}/logs/publish.log",
    retries: 0
    localrule: True
    conda:
        "../../environment.yml"
    params:
        server="" if CONFIG.release.sandbox else "--production",
        url=option("--url", CONFIG.release.server),
        final="--publish" if CONFIG.release.publish else "",
    shell:
        "jetimg publish $(dirname {input})/release {params.server} {params.url} {params.final} --output {output} "
        "> {log} 2>&1 || (cat {log} >&2; exit 1)"


rule download:
    output:
        f"{RESULTS}/downloaded.txt",
    log:
        f"{RESULTS}/logs/download.log",
    retries: 0
    localrule: True
    conda:
        "../../environment.yml"
    params:
        records=list(CONFIG.release.download),
        server="--sandbox" if CONFIG.release.sandbox else "",
        url=option("--url", CONFIG.release.server),
    shell:
        "jetimg download {params.records:q} {params.server} {params.url} --output $(dirname {output})/downloaded "
        "> {log} 2>&1 && cp {log} {output} || (cat {log} >&2; exit 1)"
