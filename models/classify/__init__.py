"""Classifiers of showers, jets and events: data, shower shapes, networks, training, measures, report."""
