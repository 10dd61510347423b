"""A trained network on disk, and what it costs at inference."""
