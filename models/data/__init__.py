"""A data set as networks see it: shards, digest, and what a network takes from it."""
