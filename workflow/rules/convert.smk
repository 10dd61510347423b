# Delphes files to event files, a few files a job. A bad file gives no events and stands in the event
# file with its verdict.


rule settings:
    output:
        f"{RESULTS}/settings/images.yaml",
    log:
        f"{RESULTS}/logs/settings.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        images=CONFIG.images.model_dump_json(indent=1),
    shell:
        "printf '%s\\n' {params.images:q} > {output} 2> {log}"


rule convert:
    input:
        files=lambda w: CAMPAIGN.sources(w.sample, w.group),
        settings=f"{RESULTS}/settings/images.yaml",
    output:
        f"{RESULTS}/events/{{sample}}/{{group}}.h5",
    log:
        f"{RESULTS}/logs/convert/{{sample}}/{{group}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/convert/{{sample}}/{{group}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("convert"),
    params:
        files=lambda w: CAMPAIGN.group(w.sample, w.group),
        expect=lambda w: option("--expect", CONFIG.samples[w.sample].events_per_file),
        detector=option("--detector", CONFIG.detector),
    shell:
        "jetimg convert {params.files:q} --sample {wildcards.sample} --settings {input.settings} "
        "{params.expect} {params.detector} --keep-going --output {output} > {log} 2>&1"
