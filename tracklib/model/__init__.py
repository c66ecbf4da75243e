"""The data model: what a run is made of, and how it is written as JSON."""
