"""The layout of the published PF-Jet-SSD data, in and out."""
