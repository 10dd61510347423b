# Networks: trained at full precision or given, made smaller, measured on the test events, and timed.


# A run leaves its checkpoints beside the outputs: one that was stopped goes on where it was.
rule train_network:
    """A network of full precision."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
        verified=f"{RESULTS}/verified.txt",
        settings=f"{RESULTS}/settings/{{network}}-full.yaml",
    output:
        network=f"{RESULTS}/networks/{{network}}/full/network.pt",
        curves=report(
            f"{RESULTS}/networks/{{network}}/full/loss.png",
            caption="../report/training.rst",
            category="Networks",
            subcategory="Training",
        ),
    log:
        CAMPAIGN.log("train/{network}"),
    benchmark:
        CAMPAIGN.benchmark("train/{network}")
    conda:
        "../envs/models.yaml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("train"),
        gpu=CONFIG.gpus,
    params:
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.network, parent=True),
    shell:
        "jetimg models train {params.dataset:q} --config {input.settings:q} --replace "
        "--output {params.folder:q} > {log:q} 2>&1"


rule take_network:
    """A network that is trained already."""
    input:
        lambda w: on_disk([NETWORKS.given(w.network)]),
    output:
        f"{RESULTS}/networks/{{network}}/given/network.pt",
    log:
        CAMPAIGN.log("take/{network}"),
    localrule: True
    conda:
        "../envs/models.yaml"
    shell:
        "cp -- {input:q} {output:q} 2> {log:q}"


rule quantize_network:
    """A ternary, INT8 or binary network that begins as the one of full precision."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
        network=f"{RESULTS}/networks/{{network}}/full/network.pt",
        settings=f"{RESULTS}/settings/{{network}}-{{version}}.yaml",
    output:
        network=f"{RESULTS}/networks/{{network}}/{{version}}/network.pt",
        curves=report(
            f"{RESULTS}/networks/{{network}}/{{version}}/loss.png",
            caption="../report/training.rst",
            category="Networks",
            subcategory="Training",
        ),
    log:
        CAMPAIGN.log("quantize/{network}-{version}"),
    benchmark:
        CAMPAIGN.benchmark("quantize/{network}-{version}")
    wildcard_constraints:
        version="ternary|int8|binary",
    conda:
        "../envs/models.yaml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("train"),
        gpu=CONFIG.gpus,
    params:
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.network, parent=True),
    shell:
        "jetimg models quantize {params.dataset:q} {input.network:q} --kind {wildcards.version:q} "
        "--config {input.settings:q} --replace --output {params.folder:q} > {log:q} 2>&1"


rule prune_network:
    """A network with fewer channels, made in steps of the one of full precision."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
        network=f"{RESULTS}/networks/{{network}}/full/network.pt",
        settings=f"{RESULTS}/settings/{{network}}-pruned.yaml",
    output:
        network=f"{RESULTS}/networks/{{network}}/pruned/network.pt",
        curves=report(
            f"{RESULTS}/networks/{{network}}/pruned/loss.png",
            caption="../report/training.rst",
            category="Networks",
            subcategory="Training",
        ),
    log:
        CAMPAIGN.log("prune/{network}"),
    benchmark:
        CAMPAIGN.benchmark("prune/{network}")
    conda:
        "../envs/models.yaml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("train"),
        gpu=CONFIG.gpus,
    params:
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.network, parent=True),
    shell:
        "jetimg models prune {params.dataset:q} {input.network:q} --config {input.settings:q} --replace "
        "--output {params.folder:q} > {log:q} 2>&1"


rule evaluate_networks:
    """All networks and the classical jets, measured on the events of one test set."""
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
        networks=NETWORKS.checkpoints(),
    output:
        json=f"{RESULTS}/networks/evaluation/{{test_set}}/evaluation.json",
        table=report(
            f"{RESULTS}/networks/evaluation/{{test_set}}/evaluation.md",
            caption="../report/evaluation.rst",
            category="Networks",
            subcategory="Evaluation",
        ),
        pictures=report(
            expand(
                f"{RESULTS}/networks/evaluation/{{{{test_set}}}}/{{name}}.png",
                name=[
                    "precision_recall",
                    "ap_by_pt",
                    "efficiency",
                    "false_positives",
                    "confusion",
                    "calibration",
                    "residuals",
                    "resolution",
                    "events",
                ],
            ),
            caption="../report/evaluation.rst",
            category="Networks",
            subcategory="Evaluation",
        ),
    log:
        CAMPAIGN.log("evaluate/{test_set}"),
    benchmark:
        CAMPAIGN.benchmark("evaluate/{test_set}")
    conda:
        "../envs/models.yaml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("evaluate"),
        gpu=CONFIG.gpus,
    params:
        networks=lambda _, input: labelled(input.networks),
        dataset=subpath(input.manifest, parent=True),
        folder=subpath(output.json, parent=True),
        events=lambda w: CAMPAIGN.events_of(w.test_set),
    shell:
        "jetimg models evaluate {params.dataset:q} {params.networks:q} {params.events:q} --output {params.folder:q} > {log:q} 2>&1"


rule test_sets:
    """Average precision of all networks in all test sets, in one table."""
    input:
        lambda _: expand(
            f"{RESULTS}/networks/evaluation/{{test_set}}/evaluation.json",
            test_set=CAMPAIGN.test_sets(plan_file()),
        ),
    output:
        report(
            f"{RESULTS}/networks/evaluation/test_sets.md",
            caption="../report/test_sets.rst",
            category="Networks",
            subcategory="Evaluation",
        ),
    log:
        CAMPAIGN.log("evaluate/test_sets"),
    localrule: True
    conda:
        "../envs/models.yaml"
    shell:
        "jetimg models side-by-side {input:q} --output {output:q} > {log:q} 2>&1"


rule detect_jets:
    """The jets that a network finds in the first shards of test events."""
    input:
        network=f"{RESULTS}/networks/{{network}}/{{version}}/network.pt",
        shards=lambda _: CAMPAIGN.first_test_shards(plan_file()),
    output:
        f"{RESULTS}/networks/{{network}}/{{version}}/detections.h5",
    log:
        CAMPAIGN.log("detect/{network}-{version}"),
    benchmark:
        CAMPAIGN.benchmark("detect/{network}-{version}")
    conda:
        "../envs/models.yaml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("evaluate"),
    shell:
        "jetimg models detect {input.network:q} {input.shards:q} --threads {threads} --output {output:q} > {log:q} 2>&1"


rule export_network:
    """A network as an ONNX file that finds the same jets."""
    input:
        network=f"{RESULTS}/networks/{{network}}/{{version}}/network.pt",
        manifest=f"{RESULTS}/dataset/manifest.json",
        shards=shards_in_storage,
    output:
        f"{RESULTS}/networks/{{network}}/{{version}}/network.onnx",
    log:
        CAMPAIGN.log("export/{network}-{version}"),
    benchmark:
        CAMPAIGN.benchmark("export/{network}-{version}")
    conda:
        "../envs/models.yaml"
    resources:
        **CAMPAIGN.asks("export"),
    params:
        dataset=subpath(input.manifest, parent=True),
    shell:
        "jetimg models export {input.network:q} --images {params.dataset:q} --output {output:q} > {log:q} 2>&1"


# Alone on the machine: other work would be measured too.
rule benchmark_networks:
    """How long the networks take, side by side."""
    input:
        NETWORKS.onnx_files(),
    output:
        json=f"{RESULTS}/networks/latency/latency.json",
        table=report(
            f"{RESULTS}/networks/latency/latency.md",
            caption="../report/latency.rst",
            category="Networks",
            subcategory="Latency",
        ),
        picture=report(
            f"{RESULTS}/networks/latency/latency.png",
            caption="../report/latency.rst",
            category="Networks",
            subcategory="Latency",
        ),
    log:
        CAMPAIGN.log("latency"),
    conda:
        "../envs/models.yaml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("evaluate"),
    params:
        models=lambda _, input: labelled(input),
        sizes=",".join(map(str, CONFIG.batch_sizes)),
        seconds=CONFIG.benchmark_seconds,
        folder=subpath(output.json, parent=True),
    shell:
        "jetimg models benchmark {params.models:q} --batch-sizes {params.sizes:q} --seconds {params.seconds:q} "
        "--output {params.folder:q} > {log:q} 2>&1"


rule train:
    """Target: the networks of full precision."""
    input:
        NETWORKS.checkpoints(("full",)),


rule quantize:
    """Target: the ternary, INT8 and binary networks."""
    input:
        NETWORKS.checkpoints(("ternary", "int8", "binary")),


rule prune:
    """Target: the pruned networks."""
    input:
        NETWORKS.checkpoints(("pruned",)),


rule evaluate:
    """Target: tables and pictures of how well the networks find jets."""
    input:
        rules.test_sets.output if CONFIG.networks else [],


rule export:
    """Target: ONNX files of the networks."""
    input:
        NETWORKS.onnx_files(),


rule benchmark:
    """Target: how long the networks take."""
    input:
        rules.benchmark_networks.output if NETWORKS.onnx_files() else [],
