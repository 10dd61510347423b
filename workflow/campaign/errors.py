"""What is wrong with a campaign before anything runs."""


class ConfigError(Exception):
    """A configuration that cannot be used; the message names the keys and what would be right."""
