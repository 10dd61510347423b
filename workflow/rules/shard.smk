# Event files to shards: the plan decides, then each shard is made by itself.


checkpoint plan:
    """Which event goes into which shard, and whether the bad files allow a data set at all."""
    input:
        events=CAMPAIGN.event_files(),
        list=f"{RESULTS}/lists/events.txt",
        splits=f"{RESULTS}/lists/file-splits.tsv",
        checks=expand(f"{RESULTS}/check/{{sample}}.json", sample=CONFIG.samples),
    output:
        f"{RESULTS}/plan.json",
    log:
        CAMPAIGN.log("plan"),
    benchmark:
        CAMPAIGN.benchmark("plan")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("plan"),
    params:
        settings=options(dict([*CONFIG.sharding, *CONFIG.policy])),
        samples=CAMPAIGN.sample_options(),
    shell:
        "jetimg plan @{input.list:q} {params.settings:q} {params.samples:q} --splits {input.splits:q} --output {output:q} "
        "> {log:q} 2>&1"


rule shard:
    """One shard: its events, gathered and shuffled."""
    input:
        plan=f"{RESULTS}/plan.json",
        events=CAMPAIGN.event_files() if STORAGE else [],
    output:
        f"{RESULTS}/dataset/{{shard}}.h5",
    log:
        CAMPAIGN.log("shard/{shard}"),
    benchmark:
        CAMPAIGN.benchmark("shard/{shard}")
    group:
        lambda w: GROUPS.in_turn("shard", "all", w.shard)
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("shard"),
    shell:
        "jetimg shard {input.plan:q} --output {output:q} > {log:q} 2>&1"


rule manifest:
    """The list of all shards and inputs, with checksums, and where every event went."""
    input:
        plan=f"{RESULTS}/plan.json",
        shards=lambda w: CAMPAIGN.shards(plan_file()),
    output:
        f"{RESULTS}/dataset/manifest.json",
    log:
        CAMPAIGN.log("manifest"),
    benchmark:
        CAMPAIGN.benchmark("manifest")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("manifest"),
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "jetimg manifest {input.plan:q} {params.folder:q} --remove-others > {log:q} 2>&1"


rule verify:
    """The proof that the data set is complete: layout, invariants, checksums, every event in one split."""
    input:
        f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
    output:
        report(
            f"{RESULTS}/verified.txt",
            caption="../report/verified.rst",
            category="Data set",
        ),
    log:
        CAMPAIGN.log("verify"),
    benchmark:
        CAMPAIGN.benchmark("verify")
    conda:
        "../envs/data.yaml"
    resources:
        **CAMPAIGN.asks("verify"),
    params:
        folder=subpath(input[0], parent=True),
    shell:
        "jetimg verify {params.folder:q} > {output:q} 2> {log:q}"


rule dataset:
    """Target: the data set, verified; a shard that was removed is made again."""
    input:
        lambda _: CAMPAIGN.shards(plan_file()),
        f"{RESULTS}/dataset/manifest.json",
        f"{RESULTS}/verified.txt",
