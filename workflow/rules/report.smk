# One HTML page of everything above, for people without this machine.


# Snakemake makes its report in a call of its own, of what is there; this run holds the lock.
rule report:
    """Target: one HTML page of it all."""
    input:
        rules.all.input,
        settings=f"{RESULTS}/settings/campaign.yaml",
    output:
        f"{RESULTS}/report.html",
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
