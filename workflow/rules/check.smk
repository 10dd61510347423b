# A verdict for every input file, and how crystals and pixels match. Bad files do not stop the others:
# what they mean for the run is decided by `plan`.


rule check:
    input:
        files=lambda w: CAMPAIGN.sources(w.sample),
        list=f"{RESULTS}/lists/{{sample}}.txt",
        settings=f"{RESULTS}/settings/images.yaml",
    output:
        f"{RESULTS}/check/{{sample}}.json",
    log:
        f"{RESULTS}/logs/check/{{sample}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/check/{{sample}}.tsv"
    priority: 10
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("check"),
    params:
        expect=lambda w: option("--expect", CONFIG.samples[w.sample].events_per_file),
        detector=option("--detector", CONFIG.detector),
    shell:
        "jetimg check @{input.list} --settings {input.settings} {params} "
        "--keep-going --output {output} > {log} 2>&1"


rule audit:
    input:
        files=lambda w: CAMPAIGN.sources(w.sample),
        list=f"{RESULTS}/lists/{{sample}}.txt",
    output:
        report(
            f"{RESULTS}/audit/{{sample}}.json",
            caption="../report/audit.rst",
            category="Audit",
        ),
    log:
        f"{RESULTS}/logs/audit/{{sample}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit/{{sample}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("audit"),
    params:
        detector=option("--detector", CONFIG.detector),
    shell:
        "jetimg audit @{input.list} {params} --output {output} > {log} 2>&1"
