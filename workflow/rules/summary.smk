# What people look at: the table, distributions, events, and the audit of crystals and pixels.


rule summary:
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
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
        f"{RESULTS}/logs/summary.log",
    benchmark:
        f"{RESULTS}/benchmarks/summary.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("summary"),
    shell:
        "jetimg summary $(dirname {input.manifest}) --output $(dirname {output.json}) > {log} 2>&1"


rule show:
    input:
        f"{RESULTS}/dataset/manifest.json",
    output:
        report(
            f"{RESULTS}/pictures/{{sample}}.png",
            caption="../report/show.rst",
            category="Events",
        ),
    log:
        f"{RESULTS}/logs/show/{{sample}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/show/{{sample}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("show"),
    shell:
        "jetimg show $(dirname {input}) --sample {wildcards.sample} --output {output} > {log} 2>&1"


rule compare:
    input:
        plan=f"{RESULTS}/plan.json",
        files=lambda w: CAMPAIGN.good(w.sample, checkpoints.plan.get().output[0]),
        others=lambda w: expand_names(CONFIG.samples[w.sample].compare_to),
    output:
        report(
            directory(f"{RESULTS}/validation/{{sample}}"),
            patterns=["{name}.png", "compare.md"],
            caption="../report/validation.rst",
            category="Simulation",
        ),
    log:
        f"{RESULTS}/logs/compare/{{sample}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare/{{sample}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("compare"),
    params:
        others=lambda _, input: [f"--to={name}" for name in input.others],
        pool=CONFIG.simulation.pool_events,
        detector=option("--detector", CONFIG.detector),
    shell:
        "jetimg compare {input.files:q} {params.others:q} --sample {wildcards.sample} --label-a ours "
        "--label-b others --pool-a {params.pool} {params.detector} --output {output} > {log} 2>&1"


rule look:
    input:
        expand(f"{RESULTS}/validation/{{sample}}", sample=CAMPAIGN.compared()),
        rules.summary.output,
        expand(f"{RESULTS}/pictures/{{sample}}.png", sample=CONFIG.samples),
        expand(f"{RESULTS}/audit/{{sample}}.json", sample=CONFIG.samples),
