"""The bundle: a portable archive of runs, in Parquet and plain files, at a folder or in an object store."""
