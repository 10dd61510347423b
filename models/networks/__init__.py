"""The networks and what belongs to them: default boxes, targets, loss, checkpoints."""
