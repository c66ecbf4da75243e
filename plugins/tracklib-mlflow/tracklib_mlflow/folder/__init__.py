"""Folders: MLflow's file store (``mlruns``) of any version, read from the disk without MLflow."""
