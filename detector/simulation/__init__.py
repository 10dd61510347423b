"""Simulated collisions: Pythia, pile-up, and the detector by real Delphes or by our own code."""
