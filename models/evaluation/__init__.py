"""Detections measured: average precision, residuals, report."""
