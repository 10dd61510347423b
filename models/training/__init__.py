"""Training, transfer and pruning."""
