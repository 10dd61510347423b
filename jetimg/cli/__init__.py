"""The command line of `jetimg`."""
