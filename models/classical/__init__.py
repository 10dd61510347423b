"""Rivals of the networks that know classical jets only: the best order of each class, and boosted trees."""
