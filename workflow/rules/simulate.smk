# Simulated Delphes files. A job always ends well for Snakemake: what became of its file stands in the
# record beside it, so that one lost file of thousands does not stop the others.


rule pool:
    """The soft collisions that a split's pile-up is drawn from: no other split sees them."""
    input:
        backend=ancient(CAMPAIGN.backend_file()),
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
        backend=CAMPAIGN.backend,
        detector=option("--detector", CAMPAIGN.detector),
    shell:
        "jetimg detector pool --seed {params.seed:q} --index {params.index:q} --events {params.events:q} --backend {params.backend:q} "
        "{params.detector:q} --output {output:q} > {log:q} 2>&1"


rule simulate:
    """One Delphes file, and the record of what became of it."""
    input:
        pool=lambda w: f"{RESULTS}/simulated/pool/{CAMPAIGN.split_of(w.sample, w.index)}",
        again=lambda w: FAILED.mark(w.sample, w.index),
        # Other images need no other files: what a check of the file asks for is all that is read of it.
        settings=ancient(f"{RESULTS}/settings/images.yaml"),
    output:
        f"{RESULTS}/simulated/{{sample}}/{{index}}.json",
    log:
        CAMPAIGN.log("simulate/{sample}/{index}"),
    benchmark:
        CAMPAIGN.benchmark("simulate/{sample}/{index}")
    wildcard_constraints:
        sample=f"(?!({CAMPAIGN.guns()})/)[A-Za-z][A-Za-z0-9_]*",
    group:
        lambda w: GROUPS.in_turn(
            "simulate",
            "again" if FAILED.mark(w.sample, w.index) else w.sample,
            f"{w.sample}/{w.index}",
        )
    conda:
        "../envs/simulation.yaml"
    resources:
        **CAMPAIGN.asks("simulate"),
    params:
        root=subpath(output[0], strip_suffix=".json", with_suffix=".root"),
        events=lambda w: CONFIG.samples[w.sample].events_per_file,
        mass=lambda w: CAMPAIGN.mass(w.sample, w.index),
        pythia=lambda w: CAMPAIGN.pythia(w.sample),
        seed=CONFIG.simulation.seed,
        backend=CAMPAIGN.backend,
        detector=option("--detector", CAMPAIGN.detector),
    shell:
        # Program and limits are no parameters: other ones must not throw away what is simulated.
        "jetimg campaign attempt --output {params.root:q} --record {output:q} --events {params.events:q} "
        f"{CAMPAIGN.limits()} --settings {{input.settings:q}} {{params.detector:q}} --log {{log:q}} -- {CAMPAIGN.program()} "
        "--sample {wildcards.sample:q} --events {params.events:q} --index {wildcards.index:q} --mass {params.mass:q} "
        "--seed {params.seed:q} {params.pythia:q} --pool {input.pool:q} --backend {params.backend:q} "
        "{params.detector:q} --output {params.root:q} >> {log:q}"


rule gun:
    """One file of single particles, and the record of what became of it."""
    input:
        pool=lambda w: CAMPAIGN.gun_pool(w.sample, w.index),
        again=lambda w: FAILED.mark(w.sample, w.index),
        settings=ancient(f"{RESULTS}/settings/images.yaml"),
    output:
        f"{RESULTS}/simulated/{{sample}}/{{index}}.json",
    log:
        CAMPAIGN.log("simulate/{sample}/{index}"),
    benchmark:
        CAMPAIGN.benchmark("simulate/{sample}/{index}")
    wildcard_constraints:
        sample=CAMPAIGN.guns(),
    group:
        lambda w: GROUPS.in_turn(
            "simulate",
            "again" if FAILED.mark(w.sample, w.index) else w.sample,
            f"{w.sample}/{w.index}",
        )
    conda:
        "../envs/simulation.yaml"
    resources:
        **CAMPAIGN.asks("simulate"),
    params:
        root=subpath(output[0], strip_suffix=".json", with_suffix=".root"),
        events=lambda w: CONFIG.samples[w.sample].events_per_file,
        gun=lambda w: CAMPAIGN.gun(w.sample),
        pool=lambda _, input: options({"pool": input.pool or None}),
        seed=CONFIG.simulation.seed,
        detector=option("--detector", CAMPAIGN.detector),
    shell:
        "jetimg campaign attempt --output {params.root:q} --record {output:q} --events {params.events:q} "
        f"{CAMPAIGN.limits()} --settings {{input.settings:q}} {{params.detector:q}} --log {{log:q}} -- jetimg detector gun "
        "--sample {wildcards.sample:q} --events {params.events:q} --index {wildcards.index:q} --seed {params.seed:q} "
        "{params.gun:q} {params.pool:q} {params.detector:q} --output {params.root:q} >> {log:q}"


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
        lambda _: [*FAILED.marked(checkpoints.mark_failed), *rules.dataset.input],
