# Remote files, copied here one by one with Snakemake's storage plugins, and gone when all have read them.


rule fetch:
    input:
        lambda w: storage(CAMPAIGN.url(w.sample, w.path)),
    output:
        temp(f"{RESULTS}/fetched/{{sample}}/{{path}}"),
    log:
        f"{RESULTS}/logs/fetch/{{sample}}/{{path}}.log",
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("fetch"),
    shell:
        "cp {input} {output} 2> {log}"
