"""A data set in the formats of other programs: COCO, WebDataset, Parquet, npz, ROOT."""
