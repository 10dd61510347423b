"""Images composed of events with a single object each, with the mask of every object."""
