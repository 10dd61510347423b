"""The detector's description, cells and pixels: the one source of all its numbers."""
