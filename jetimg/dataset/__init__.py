"""Event files to a data set: plan, shards, manifest, proof."""
