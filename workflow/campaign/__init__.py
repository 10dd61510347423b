"""A campaign: its configuration and the names of its files."""
