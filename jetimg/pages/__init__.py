"""Pages that stand alone: the event viewer, and the report of a campaign's results, each one HTML file."""
