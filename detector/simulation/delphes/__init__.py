"""Real Delphes: its card, rendered from the description, and its programs."""
