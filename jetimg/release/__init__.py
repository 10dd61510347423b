"""A data set as records of an archive: built, published, downloaded again."""
