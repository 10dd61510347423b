# Detectors: trained at full precision, made smaller, measured on the test events, and timed.


rule network_settings:
    output:
        f"{RESULTS}/settings/{{detector}}-{{version}}.yaml",
    log:
        f"{RESULTS}/logs/settings/{{detector}}-{{version}}.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: DETECTORS.settings(w.detector, w.version),
    shell:
        "printf '%s' {params.settings:q} > {output} 2> {log}"


# A run leaves its checkpoints beside the outputs: one that was stopped goes on where it was.
rule train_network:
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        verified=f"{RESULTS}/verified.txt",
        settings=f"{RESULTS}/settings/{{detector}}-full.yaml",
    output:
        network=f"{RESULTS}/detectors/{{detector}}/full/network.pt",
        curves=report(
            f"{RESULTS}/detectors/{{detector}}/full/loss.png",
            caption="../report/training.rst",
            category="Detectors",
            subcategory="Training",
        ),
    log:
        f"{RESULTS}/logs/train/{{detector}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{detector}}.tsv"
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("train"),
        gpu=CONFIG.gpus,
    shell:
        "jetimg models train $(dirname {input.manifest}) --config {input.settings} --replace "
        "--output $(dirname {output.network}) > {log} 2>&1"


rule quantize_network:
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        network=f"{RESULTS}/detectors/{{detector}}/full/network.pt",
        settings=f"{RESULTS}/settings/{{detector}}-{{version}}.yaml",
    output:
        network=f"{RESULTS}/detectors/{{detector}}/{{version}}/network.pt",
        curves=report(
            f"{RESULTS}/detectors/{{detector}}/{{version}}/loss.png",
            caption="../report/training.rst",
            category="Detectors",
            subcategory="Training",
        ),
    log:
        f"{RESULTS}/logs/quantize/{{detector}}-{{version}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/quantize/{{detector}}-{{version}}.tsv"
    wildcard_constraints:
        version="ternary|int8|binary",
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("train"),
        gpu=CONFIG.gpus,
    shell:
        "jetimg models quantize $(dirname {input.manifest}) {input.network} --kind {wildcards.version} "
        "--config {input.settings} --replace --output $(dirname {output.network}) > {log} 2>&1"


rule prune_network:
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        network=f"{RESULTS}/detectors/{{detector}}/full/network.pt",
        settings=f"{RESULTS}/settings/{{detector}}-pruned.yaml",
    output:
        network=f"{RESULTS}/detectors/{{detector}}/pruned/network.pt",
        curves=report(
            f"{RESULTS}/detectors/{{detector}}/pruned/loss.png",
            caption="../report/training.rst",
            category="Detectors",
            subcategory="Training",
        ),
    log:
        f"{RESULTS}/logs/prune/{{detector}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prune/{{detector}}.tsv"
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("train"),
        gpu=CONFIG.gpus,
    shell:
        "jetimg models prune $(dirname {input.manifest}) {input.network} --config {input.settings} --replace "
        "--output $(dirname {output.network}) > {log} 2>&1"


rule evaluate_networks:
    input:
        manifest=f"{RESULTS}/dataset/manifest.json",
        networks=DETECTORS.networks(),
    output:
        json=f"{RESULTS}/detectors/evaluation/evaluation.json",
        table=report(
            f"{RESULTS}/detectors/evaluation/evaluation.md",
            caption="../report/evaluation.rst",
            category="Detectors",
            subcategory="Evaluation",
        ),
        pictures=report(
            expand(
                f"{RESULTS}/detectors/evaluation/{{name}}.png",
                name=["precision_recall", "residuals", "resolution", "events"],
            ),
            caption="../report/evaluation.rst",
            category="Detectors",
            subcategory="Evaluation",
        ),
    log:
        f"{RESULTS}/logs/evaluate.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate.tsv"
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("evaluate"),
        gpu=CONFIG.gpus,
    params:
        networks=lambda _, input: labelled(input.networks),
    shell:
        "jetimg models evaluate $(dirname {input.manifest}) {params.networks:q} "
        "--output $(dirname {output.json}) > {log} 2>&1"


rule export_network:
    input:
        network=f"{RESULTS}/detectors/{{detector}}/{{version}}/network.pt",
        manifest=f"{RESULTS}/dataset/manifest.json",
    output:
        f"{RESULTS}/detectors/{{detector}}/{{version}}/network.onnx",
    log:
        f"{RESULTS}/logs/export/{{detector}}-{{version}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export/{{detector}}-{{version}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        **CAMPAIGN.asks("export"),
    shell:
        "jetimg models export {input.network} --images $(dirname {input.manifest}) --output {output} > {log} 2>&1"


# Alone on the machine: other work would be measured too.
rule benchmark_networks:
    input:
        DETECTORS.models(),
    output:
        json=f"{RESULTS}/detectors/latency/latency.json",
        table=report(
            f"{RESULTS}/detectors/latency/latency.md",
            caption="../report/latency.rst",
            category="Detectors",
            subcategory="Latency",
        ),
        picture=report(
            f"{RESULTS}/detectors/latency/latency.png",
            caption="../report/latency.rst",
            category="Detectors",
            subcategory="Latency",
        ),
    log:
        f"{RESULTS}/logs/latency.log",
    conda:
        "../../environment.yml"
    threads: CONFIG.threads
    resources:
        **CAMPAIGN.asks("evaluate"),
    params:
        models=lambda _, input: labelled(input),
        sizes=",".join(map(str, CONFIG.batch_sizes)),
    shell:
        "jetimg models benchmark {params.models:q} --batch-sizes {params.sizes} "
        "--output $(dirname {output.json}) > {log} 2>&1"


rule train:
    input:
        DETECTORS.networks(("full",)),


rule quantize:
    input:
        DETECTORS.networks(("ternary", "int8", "binary")),


rule prune:
    input:
        DETECTORS.networks(("pruned",)),


rule evaluate:
    input:
        rules.evaluate_networks.output if CONFIG.detectors else [],


rule export:
    input:
        DETECTORS.models(),


rule benchmark:
    input:
        rules.benchmark_networks.output if CONFIG.detectors else [],
