"""The HDF5 layout of event files and shards: written, read, validated."""
