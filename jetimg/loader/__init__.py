"""Shards to batches: sparse events, normalisation, augmentation, PyTorch data sets."""
