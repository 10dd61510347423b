"""Programs for those who work on the project: they write files that stand in the repository."""
