# Simulated Delphes files. A job always ends well for Snakemake: what became of its files stands in its table and in
# the record beside each, so that one lost file of thousands does not stop the others.


rule pool:
    """The soft collisions that a split's pile-up is drawn from: no other split sees them."""
    input:
        backend=ancient(SIMULATED.backend_file()),
    output:
        f"{RESULTS}/simulated/pool/{{split}}",
    log:
        CAMPAIGN.log("pool/{split}"),
    benchmark:
        CAMPAIGN.benchmark("pool/{split}")
    conda:
        "../envs/simulation.yaml"
    resources:
        **CAMPAIGN.asks("pool"),
    params:
        seed=CONFIG.simulation.seed,
        index=lambda w: SPLITS.index(w.split),
        events=CONFIG.simulation.pool_events,
        backend=SIMULATED.backend,
        detector=option("--detector", CAMPAIGN.detector),
    shell:
        "jetimg detector pool --seed {params.seed:q} --index {params.index:q} --events {params.events:q} --backend {params.backend:q} "
        "{params.detector:q} --output {output:q} > {log:q} 2>&1"


rule simulate:
    """Some Delphes files of a sample, and what became of each."""
    input:
        pools=lambda w: SIMULATED.pools(w.sample, w.job),
        again=lambda w: FAILED.marks_of(w.sample, w.job),
        # Other images need no other files: what a check of the file asks for is all that is read of it.
        settings=ancient(f"{RESULTS}/settings/images.yaml"),
    output:
        f"{RESULTS}/simulated/{{sample}}/job-{{job}}.tsv",
    log:
        CAMPAIGN.log("simulate/{sample}/job-{job}"),
    benchmark:
        CAMPAIGN.benchmark("simulate/{sample}/job-{job}")
    wildcard_constraints:
        sample=f"(?!({SIMULATED.guns()})/)[A-Za-z][A-Za-z0-9_]*",
    group:
        lambda w: GROUPS.in_turn(
            "simulate",
            "again" if FAILED.marks_of(w.sample, w.job) else w.sample,
            f"{w.sample}/{w.job}",
        )
    conda:
        "../envs/simulation.yaml"
    resources:
        **CAMPAIGN.asks("simulate"),
    params:
        files=lambda w: [
            f"--file={words}" for words in SIMULATED.words(w.sample, w.job)
        ],
        pools=lambda _, input: [f"--made-from={name}" for name in input.pools],
        folder=subpath(output[0], parent=True),
        logs=lambda w: f"{RESULTS}/logs/simulate/{w.sample}",
        events=lambda w: CONFIG.samples[w.sample].events_per_file,
        pythia=lambda w: SIMULATED.pythia(w.sample),
        seed=CONFIG.simulation.seed,
        backend=SIMULATED.backend,
        detector=option("--detector", CAMPAIGN.detector),
    shell:
        # Program and limits are no parameters: other ones must not throw away what is simulated.
        "jetimg campaign simulate {params.files:q} --folder {params.folder:q} --events {params.events:q} {params.pools:q} "
        f"--program {SIMULATED.program()} {SIMULATED.limits()} --settings {{input.settings:q}} {{params.detector:q}} "
        "--logs {params.logs:q} --output {output:q} -- --sample {wildcards.sample:q} --events {params.events:q} "
        "--seed {params.seed:q} {params.pythia:q} --backend {params.backend:q} {params.detector:q} > {log:q}"


rule gun:
    """Some files of single particles, and what became of each."""
    input:
        pools=lambda w: SIMULATED.pools(w.sample, w.job),
        again=lambda w: FAILED.marks_of(w.sample, w.job),
        # Other images need no other files: what a check of the file asks for is all that is read of it.
        settings=ancient(f"{RESULTS}/settings/images.yaml"),
    output:
        f"{RESULTS}/simulated/{{sample}}/job-{{job}}.tsv",
    log:
        CAMPAIGN.log("simulate/{sample}/job-{job}"),
    benchmark:
        CAMPAIGN.benchmark("simulate/{sample}/job-{job}")
    wildcard_constraints:
        sample=SIMULATED.guns(),
    group:
        lambda w: GROUPS.in_turn(
            "simulate",
            "again" if FAILED.marks_of(w.sample, w.job) else w.sample,
            f"{w.sample}/{w.job}",
        )
    conda:
        "../envs/simulation.yaml"
    resources:
        **CAMPAIGN.asks("simulate"),
    params:
        files=lambda w: [
            f"--file={words}" for words in SIMULATED.words(w.sample, w.job)
        ],
        pools=lambda _, input: [f"--made-from={name}" for name in input.pools],
        folder=subpath(output[0], parent=True),
        logs=lambda w: f"{RESULTS}/logs/simulate/{w.sample}",
        events=lambda w: CONFIG.samples[w.sample].events_per_file,
        gun=lambda w: SIMULATED.gun(w.sample),
        seed=CONFIG.simulation.seed,
        detector=option("--detector", CAMPAIGN.detector),
    shell:
        "jetimg campaign simulate {params.files:q} --folder {params.folder:q} --events {params.events:q} {params.pools:q} "
        f"--program 'jetimg detector gun' {SIMULATED.limits()} --settings {{input.settings:q}} {{params.detector:q}} "
        "--logs {params.logs:q} --output {output:q} -- --sample {wildcards.sample:q} --events {params.events:q} "
        "--seed {params.seed:q} {params.gun:q} {params.detector:q} > {log:q}"


checkpoint mark_failed:
    """Marks the failed files, of the sample `only` or of all, for another run."""
    output:
        f"{RESULTS}/lists/failed/{{state}}.txt",
    log:
        CAMPAIGN.log("failed/{state}"),
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        marks=lambda _: FAILED.marks(),
    shell:
        "printf '%s\\n' {params.marks:q} > {output:q} 2> {log:q} && while IFS= read -r mark; do "
        "printf '%s\\n' {wildcards.state:q} > \"$mark\" 2>> {log:q}; done < {output:q}"


rule rerun_failed:
    """Target: failed simulations again (`--config only=SAMPLE`: of one sample), then what depends on them."""
    input:
        lambda _: [
            *FAILED.marked(checkpoints.mark_failed),
            *rules.manifest.output,
            *rules.verify.output,
        ],
