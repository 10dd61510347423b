# One HTML page of everything above, for people without this machine.


rule campaign_settings:
    output:
        f"{RESULTS}/settings/campaign.yaml",
    log:
        f"{RESULTS}/logs/campaign.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        settings=CONFIG.model_dump_json(indent=1, exclude_defaults=True),
    shell:
        "printf '%s\\n' {params.settings:q} > {output} 2> {log}"


# Snakemake makes its report in a call of its own, of what is there; this run holds the lock.
rule report:
    input:
        rules.all.input,
        settings=f"{RESULTS}/settings/campaign.yaml",
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        snakefile=workflow.main_snakefile,
    shell:
        "python -m snakemake --snakefile {params.snakefile:q} --configfile {input.settings} --nolock "
        "--report {output} > {log} 2>&1"
