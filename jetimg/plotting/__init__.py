"""One style for all pictures; events drawn with their boxes."""
