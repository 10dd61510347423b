# Delphes files to event files, a few files a job. A bad file gives no events and stands in the event
# file with its verdict.


rule convert:
    """Some Delphes files to one event file: images, boxes, baseline jets."""
    input:
        files=lambda w: on_disk(CAMPAIGN.sources(w.sample, w.group)),
        settings=f"{RESULTS}/settings/images.yaml",
        missing=CAMPAIGN.before_converting(),
    output:
        f"{RESULTS}/events/{{sample}}/{{group}}.h5",
    log:
        CAMPAIGN.log("convert/{sample}/{group}"),
    benchmark:
        CAMPAIGN.benchmark("convert/{sample}/{group}")
    # A fault of the machine is no verdict on a file: the job fails, and is tried again.
    retries: 2
    group:
        lambda w: GROUPS.of("convert", w.sample, int(w.group))
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("convert"),
    params:
        names=lambda w: CAMPAIGN.group(w.sample, w.group),
        expect=lambda w: option("--expect", CONFIG.samples[w.sample].events_per_file),
        detector=option("--detector", CAMPAIGN.detector),
        files=lambda w: CAMPAIGN.fingerprint(w.sample, w.group),
    shell:
        "jetimg convert {params.names:q} --sample {wildcards.sample:q} --settings {input.settings:q} "
        "{params.expect:q} {params.detector:q} --keep-going --output {output:q} > {log:q} 2>&1"
