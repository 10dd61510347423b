# Remote files, copied here one by one with Snakemake's storage plugins, and gone when all have read them.


rule fetch:
    """The copy of a remote file."""
    input:
        # Each file is asked for several times while Snakemake plans; XRootD's plugin by itself asks once a second.
        lambda w: storage(CAMPAIGN.url(w.sample, w.path), max_requests_per_second=100),
    output:
        temp(f"{RESULTS}/fetched/{{sample}}/{{path}}"),
    log:
        CAMPAIGN.log("fetch/{sample}/{path}"),
    # A fault of the machine is no verdict on a file: the job fails, and is tried again.
    retries: 2
    group:
        lambda w: GROUPS.in_turn("fetch", w.sample, w.path)
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("fetch"),
    shell:
        "cp {input:q} {output:q} 2> {log:q}"
