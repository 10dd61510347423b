"""Detectors of jets in images: networks, training, and what comes after."""
