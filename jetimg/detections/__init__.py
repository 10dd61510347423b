"""What a network found in events, in files: HDF5, Parquet, ROOT; written and read without torch."""
