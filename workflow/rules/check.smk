# A verdict for every input file, and how crystals and pixels match. Bad files do not stop the others:
# what they mean for the run is decided by `plan`.


rule check:
    """A verdict for every input file of a sample."""
    input:
        files=lambda w: on_disk(CAMPAIGN.sources(w.sample)),
        list=f"{RESULTS}/lists/{{sample}}.txt",
        settings=f"{RESULTS}/settings/images.yaml",
    output:
        f"{RESULTS}/check/{{sample}}.json",
    log:
        CAMPAIGN.log("check/{sample}"),
    benchmark:
        CAMPAIGN.benchmark("check/{sample}")
    priority: 10
    # A fault of the machine is no verdict on a file: the job fails, and is tried again.
    retries: 2
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("check"),
    params:
        expect=lambda w: option("--expect", CONFIG.samples[w.sample].events_per_file),
        detector=option("--detector", CAMPAIGN.detector),
        files=lambda w: CAMPAIGN.fingerprint(w.sample),
    shell:
        "jetimg check @{input.list:q} --settings {input.settings:q} {params.expect:q} {params.detector:q} "
        "--keep-going --output {output:q} > {log:q} 2>&1"


rule audit:
    """How many pixels hold several crystals, in all files of a sample."""
    input:
        files=lambda w: on_disk(CAMPAIGN.sources(w.sample)),
        list=f"{RESULTS}/lists/{{sample}}.txt",
    output:
        report(
            f"{RESULTS}/audit/{{sample}}.json",
            caption="../report/audit.rst",
            category="Audit",
        ),
    log:
        CAMPAIGN.log("audit/{sample}"),
    benchmark:
        CAMPAIGN.benchmark("audit/{sample}")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("audit"),
    params:
        detector=option("--detector", CAMPAIGN.detector),
        files=lambda w: CAMPAIGN.fingerprint(w.sample),
    shell:
        "jetimg audit @{input.list:q} {params.detector:q} --keep-going --output {output:q} > {log:q} 2>&1"
