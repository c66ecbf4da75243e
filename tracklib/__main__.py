"""``python -m tracklib``: the command line of this very interpreter, where no ``tracklib`` is on the path."""

from __future__ import annotations

from tracklib.cli.main import main

if __name__ == "__main__":
    main()
