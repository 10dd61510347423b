# What all rules share: names, and small files that tell the commands what they need to know.


# Where results are in storage, a job has what is among its inputs: shards too, which a manifest would name; and files of
# the user's own are not looked for in storage.
plan_file = lambda: STORAGE.here(checkpoints.plan.get().output[0])
shards_in_storage = lambda _: CAMPAIGN.shards(plan_file()) if STORAGE else []
folder_in_storage = lambda name: [directory(f"{RESULTS}/{name}")] if STORAGE else []
on_disk = lambda names: (
    [name if CAMPAIGN.is_fetched(name) else local(name) for name in names]
    if STORAGE
    else names
)

if STORAGE:
    shell.prefix(STORAGE.prefix())


onstart:
    announce(CAMPAIGN)


onsuccess:
    close(CAMPAIGN)


wildcard_constraints:
    sample="[A-Za-z][A-Za-z0-9_]*",
    network="[A-Za-z][A-Za-z0-9]*",
    group=r"\d{5}",
    job=r"\d{5}",
    split="train|validation|test|heldout",
    test_set="[A-Za-z][A-Za-z0-9_]*",
    shard=r"(train|validation|test|heldout)-\d{5}",


rule settings:
    """A settings file or a list of names, made from the configuration."""
    output:
        f"{RESULTS}/{{kind}}/{{name}}",
    log:
        CAMPAIGN.log("{kind}/{name}"),
    wildcard_constraints:
        kind="settings|lists",
        name=r"(campaign|images|release|[A-Za-z0-9]+-[a-z0-9]+)\.yaml|(?!missing\.)[A-Za-z0-9_]+\.txt|file-splits\.tsv",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        text=lambda w: SETTINGS[f"{w.kind}/{w.name}"](),
    shell:
        "printf '%s\\n' {params.text:q} > {output:q} 2> {log:q}"


rule missing_inputs:
    """Fails, where the policy is `fail` and files are missing: before anything is converted in vain."""
    output:
        f"{RESULTS}/lists/missing.txt",
    log:
        CAMPAIGN.log("lists/missing"),
    retries: 0
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        text=lambda _: CAMPAIGN.complaint(),
    shell:
        "printf 'missing input files (allowed: none; policy: bad_files)\\n%s\\n' {params.text:q} | tee {log:q} >&2; exit 1"
