# Event files to shards: the plan decides, then each shard is made by itself.


checkpoint plan:
    input:
        events=CAMPAIGN.event_files(),
        list=f"{RESULTS}/lists/events.txt",
        checks=expand(f"{RESULTS}/check/{{sample}}.json", sample=CONFIG.samples),
    output:
        f"{RESULTS}/plan.json",
    log:
        f"{RESULTS}/logs/plan.log",
    benchmark:
        f"{RESULTS}/benchmarks/plan.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("plan"),
    params:
        sharding=" ".join(
            option(f"--{key.replace('_', '-')}", value)
            for key, value in CONFIG.sharding
        ),
        policy=" ".join(
            option(f"--{key.replace('_', '-')}", value) for key, value in CONFIG.policy
        ),
        test=" ".join(
            f"--test {name}" for name, sample in CONFIG.samples.items() if sample.test
        ),
        expect=" ".join(
            f"--expect {name}={sample.events_per_file}"
            for name, sample in CONFIG.samples.items()
            if sample.events_per_file is not None
        ),
    shell:
        "jetimg plan @{input.list} {params} --output {output} > {log} 2>&1 || (cat {log} >&2; exit 1)"


rule shard:
    input:
        f"{RESULTS}/plan.json",
    output:
        f"{RESULTS}/dataset/{{shard}}.h5",
    log:
        f"{RESULTS}/logs/shard/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/shard/{{shard}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("shard"),
    shell:
        "jetimg shard {input} --output {output} > {log} 2>&1"


rule manifest:
    input:
        plan=f"{RESULTS}/plan.json",
        shards=lambda w: CAMPAIGN.shards(checkpoints.plan.get().output[0]),
    output:
        f"{RESULTS}/dataset/manifest.json",
    log:
        f"{RESULTS}/logs/manifest.log",
    benchmark:
        f"{RESULTS}/benchmarks/manifest.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("manifest"),
    shell:
        "jetimg manifest {input.plan} $(dirname {output}) --remove-others > {log} 2>&1"


rule verify:
    input:
        f"{RESULTS}/dataset/manifest.json",
    output:
        report(
            f"{RESULTS}/verified.txt",
            caption="../report/verified.rst",
            category="Data set",
        ),
    log:
        f"{RESULTS}/logs/verify.log",
    benchmark:
        f"{RESULTS}/benchmarks/verify.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("verify"),
    shell:
        "jetimg verify $(dirname {input}) > {output} 2> {log} || (cat {log} >&2; exit 1)"


rule dataset:
    input:
        f"{RESULTS}/dataset/manifest.json",
        f"{RESULTS}/verified.txt",
