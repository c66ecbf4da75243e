"""What import, ``init()`` and the first ``log()`` cost in processor time, over a bare Python."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from measure import Row, cpu_seconds

FIRST_LOG = "import tracklib; run = tracklib.init('bench'); run.log({'a': 1.0}); import os; os._exit(0)"
MODULES = (
    "import sys; before = set(sys.modules); import tracklib; new = set(sys.modules) - before; "
    "open('modules', 'w').write(f'{len(new)}')"
)


def rows(folder: Path) -> Iterator[Row]:
    """Measure."""
    bare = cpu_seconds("pass", folder)
    cpu_seconds(MODULES, folder, rounds=1)
    yield Row("import tracklib: new modules", float((folder / "modules").read_text()), "", 60)
    yield Row("import tracklib", (cpu_seconds("import tracklib", folder) - bare) * 1e3, "ms")
    here = {"TRACKLIB_DIR": str(folder / "startup")}
    yield Row("import, init, log: journal alone", (cpu_seconds(FIRST_LOG, folder, here) - bare) * 1e3, "ms", 60)
    disabled = (cpu_seconds(FIRST_LOG, folder, {**here, "TRACKLIB_MODE": "disabled"}) - bare) * 1e3
    yield Row("import, init, log: disabled", disabled, "ms", 60)
    for name, address in (
        ("a backend", f"sqlite:///{folder}/startup.db"),
        ("one black-holed", "http://10.255.255.1:5000"),
    ):
        environ = {**here, "TRACKLIB_BACKENDS": "mlflow", "MLFLOW_TRACKING_URI": address}
        cpu_seconds(FIRST_LOG, folder, environ, rounds=1)
        time.sleep(5)  # the relay that this started imports its SDK, beside which nothing should be measured
        yield Row(f"import, init, log: with {name}", (cpu_seconds(FIRST_LOG, folder, environ) - bare) * 1e3, "ms", 150)
