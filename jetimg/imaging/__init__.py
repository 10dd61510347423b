"""Delphes files to event files: verdicts, images, boxes, classical jets."""
