"""Reading: the runs of any place as tables, the same ones from every backend."""
