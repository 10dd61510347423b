# Simulated Delphes files. A job always ends well for Snakemake: what became of its file stands in the
# record beside it, so that one lost file of thousands does not stop the others.


rule pool:
    output:
        f"{RESULTS}/simulated/pool",
    log:
        f"{RESULTS}/logs/pool.log",
    benchmark:
        f"{RESULTS}/benchmarks/pool.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("pool"),
    params:
        seed=CONFIG.simulation.seed,
        events=CONFIG.simulation.pool_events,
        backend=CAMPAIGN.backend(),
        detector=option("--detector", CONFIG.detector),
    shell:
        "jetimg detector pool --seed {params.seed} --events {params.events} --backend {params.backend} "
        "{params.detector} --output {output} > {log} 2>&1"


rule simulate:
    input:
        pool=f"{RESULTS}/simulated/pool",
        again=lambda w: CAMPAIGN.mark(w.sample, w.index),
    output:
        f"{RESULTS}/simulated/{{sample}}/{{index}}.json",
    log:
        f"{RESULTS}/logs/simulate/{{sample}}/{{index}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/simulate/{{sample}}/{{index}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("simulate"),
    params:
        events=lambda w: CONFIG.samples[w.sample].events_per_file,
        mass=lambda w: CAMPAIGN.mass(w.sample, w.index),
        pythia=lambda w: [
            option("--pythia", line)
            for line in CONFIG.samples[w.sample].simulate.pythia
        ],
        seed=CONFIG.simulation.seed,
        backend=CAMPAIGN.backend(),
        detector=option("--detector", CONFIG.detector),
    shell:
        "root={output} && root=${{root%.json}}.root && jetimg campaign attempt --output $root --record {output} "
        f"--events {{params.events}} --minutes {CONFIG.simulation.minutes:g} --tries {CONFIG.simulation.tries} "
        f"{{params.detector}} --log {{log}} -- {CONFIG.simulation.program} --sample {{wildcards.sample}} "
        "--events {params.events} --index {wildcards.index} --mass {params.mass} --seed {params.seed} {params.pythia} "
        "--pool {input.pool} --backend {params.backend} {params.detector} --output $root"


onstart:
    if any(sample.simulate for sample in CONFIG.samples.values()):
        print(f"Detector simulation: {CAMPAIGN.backend_text()}", file=sys.stderr)
