"""Trained networks used: jets found in Delphes files, event files, data sets and arrays."""
