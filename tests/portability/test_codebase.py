"""``tracklib inventory --code``: where scripts, notebooks and CI files use a vendor, by what they say, never by running."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracklib.portability.calls import uses_in
from tracklib.portability.codebase import look_through
from tracklib.portability.vendor import Vendor, vendors

ACME = Vendor(
    "acme",
    frozenset(["acme"]),
    frozenset(["acme", "acme-slim"]),
    frozenset(["ACME_URL"]),
    {
        "acme.init": "tracklib.init()",
        "acme.init().log": "run.log()",
        "acme.log": "tracklib.log()",
        "acme.Run": "a run",
        "acme.Run().track": "run.log()",
        "acme.Run()[]": "run.log_params()",
        "acme.config": "run.log_params()",
        "frames.AcmeLogger": "the loop",
        "report_to=acme": "a callback",
    },
)


def found(code: str) -> list[tuple[int, str, str]]:
    return [(use.line, use.call, use.instead) for use in uses_in(code, [ACME])]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import acme\nacme.log(1)", [(1, "import acme", "import tracklib"), (2, "acme.log", "tracklib.log()")]),
        ("import acme as a, os\na.log(os.x)", [(1, "import acme", "import tracklib"), (2, "acme.log", "tracklib.log()")]),
        ("from acme import log as say\nsay(1)", [(1, "import acme", "import tracklib"), (2, "acme.log", "tracklib.log()")]),
        ("import acme.sub.deep\nacme.sub.deep.f()", [(1, "import acme.sub.deep", "import tracklib"), (2, "acme.sub.deep.f", "")]),
        ("import frames\nframes.AcmeLogger(x)\nframes.Other()", [(2, "frames.AcmeLogger", "the loop")]),
        ("from frames import AcmeLogger as L\nL(x)", [(2, "frames.AcmeLogger", "the loop")]),
        ("import acme\nacme.config.update(1)", [(1, "import acme", "import tracklib"), (2, "acme.config.update", "run.log_params()")]),
        (
            "import acme\nacme.init().log(acme.config)",
            [
                (1, "import acme", "import tracklib"),
                (2, "acme.config", "run.log_params()"),
                (2, "acme.init", "tracklib.init()"),
                (2, "acme.init().log", "run.log()"),
            ],
        ),
        (
            "import acme\nwith acme.init() as run:\n    run.log(1)\n    run.id",
            [
                (1, "import acme", "import tracklib"),
                (2, "acme.init", "tracklib.init()"),
                (3, "acme.init().log", "run.log()"),
                (4, "acme.init().id", ""),
            ],
        ),
        (
            "import acme\nclass T:\n  def __init__(self):\n    self.run = acme.Run()\n  def f(self):\n    self.run['a'] = 1\n    self.run.track(2)\n    self.other.track(3)\n",
            [
                (1, "import acme", "import tracklib"),
                (4, "acme.Run", "a run"),
                (6, "acme.Run()[]", "run.log_params()"),
                (7, "acme.Run().track", "run.log()"),
            ],
        ),
        ("import acme\nacme = 5\nacme.log(1)", [(1, "import acme", "import tracklib")]),
        (
            "import acme\nrun = acme.init()\ndef f(run2):\n    run.log(1)\nrun = 3\nrun.log(2)",
            [(1, "import acme", "import tracklib"), (2, "acme.init", "tracklib.init()"), (4, "acme.init().log", "run.log()")],
        ),
        ("import os\nos.environ['ACME_URL'] = 'x'", [(2, "ACME_URL", "keeps working: tracklib's backend reads it")]),
        ("async def f():\n    import acme\n    r = await acme.init()\n    r.log(1)", [
            (2, "import acme", "import tracklib"), (3, "acme.init", "tracklib.init()"), (4, "acme.init().log", "run.log()"),
        ]),
        ("from acme import *\nlog(1)", [(1, "import acme", "import tracklib"), (2, "acme.log", "tracklib.log()")]),
        ("Args(a, report_to='acme')\nArgs(report_to=['x', 'acme'])\nArgs(to='acme')", [
            (1, "report_to=acme", "a callback"), (2, "report_to=acme", "a callback"),
        ]),
        ("acme_log(1)\n'import acme'\n# acme.log()", []),
        ("from . import acme\nacme.log(1)", []),
    ],
)  # fmt: skip
def test_uses_are_found_by_what_they_mean(code: str, expected: list[tuple[int, str, str]]) -> None:
    """Aliases, objects that a vendor gave, attributes of self and arguments are followed; other names are let be."""
    assert found(code) == expected


def test_a_parameter_is_not_what_the_file_knows_by_its_name() -> None:
    """A function's own argument hides a vendor's object of the same name."""
    code = "import acme\nrun = acme.init()\ndef f(run):\n    run.log(1)\nf(run)\n"
    assert [line for line, _, _ in found(code)] == [1, 2]


def test_all_kinds_of_files(tmp_path: Path) -> None:
    """Scripts, cells, CI files and lists of packages are looked through; what is installed or linked is not."""
    outside = tmp_path / "outside.py"
    outside.write_text("import acme\n")
    folder = tmp_path / "code"
    cells = [
        {"cell_type": "markdown", "source": "import acme"},
        {"cell_type": "code", "source": ["!pip install -q acme numpy\n", "%time x = 1\n", "import acme as a"]},
        {"cell_type": "code", "source": "what is this?"},
        {"cell_type": "code", "source": ["%%bash\n", "export ACME_URL=http://x\n", "acme login\n"]},
        {"cell_type": "code", "source": "if True:\n    a.log(1)"},
        {"cell_type": "code", "source": "x = ('a'\n  % a.log(2))"},
    ]
    files = {
        "train.py": "import acme\n",
        "deep/nb.ipynb": json.dumps({"cells": cells}),
        ".github/workflows/ci.yml": "env:\n  ACME_URL: x  # y\nsteps:\n  - run: acme sync\n  - run: pip install 'acme[all]>=1'\n# acme up\n",
        "requirements.txt": "numpy\nacme==1.2\nacme-slim\nacmelib\nnot-acme\n",
        "Dockerfile": "FROM acme\nRUN pip install acme && acme server\n",
        "run.sh": "python -m acme serve\necho the acme is good\n",
        ".venv/lib/x.py": "import acme\n",
        "broken.py": "def f(:\n",
        "broken.ipynb": "[1, 2",
        "note.md": "import acme\n",
        "odd.py": "x = '\\d'\nimport acme\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "link.py").symlink_to(outside)
    report = look_through(folder, [ACME])
    assert [(each.place, each.use.call) for each in report.found] == [
        ("Dockerfile:2", "acme"),
        ("Dockerfile:2", "acme (command)"),
        ("odd.py:2", "import acme"),
        ("requirements.txt:2", "acme"),
        ("requirements.txt:3", "acme-slim"),
        ("run.sh:1", "acme (command)"),
        ("train.py:1", "import acme"),
        (".github/workflows/ci.yml:2", "ACME_URL"),
        (".github/workflows/ci.yml:4", "acme (command)"),
        (".github/workflows/ci.yml:5", "acme"),
        ("deep/nb.ipynb[2]:1", "acme"),
        ("deep/nb.ipynb[2]:3", "import acme"),
        ("deep/nb.ipynb[4]:2", "ACME_URL"),
        ("deep/nb.ipynb[4]:3", "acme (command)"),
        ("deep/nb.ipynb[5]:2", "acme.log"),
        ("deep/nb.ipynb[6]:2", "acme.log"),
    ]
    assert sorted(report.unread) == ["broken.ipynb", "broken.py", "deep/nb.ipynb[3]"]
    assert report.document()["files"] == report.files == 7


def test_nothing_of_the_code_is_run(tmp_path: Path) -> None:
    """A file that would do harm when it is imported does none."""
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'done')!r}, 'w')\nimport acme\n1 / 0\n")
    (tmp_path / "deep.py").write_text("(" * 100_000)
    (tmp_path / "nul.py").write_bytes(b"import acme\0\n")
    report = look_through(tmp_path, [ACME])
    assert [each.place for each in report.found] == ["evil.py:2"]
    assert not (tmp_path / "done").exists()
    assert sorted(report.unread) == ["deep.py", "nul.py"]


def test_the_plugins_know_their_vendors() -> None:
    """The installed plugins tell their vendors' calls; each tracklib call that they name is one that there is."""
    pytest.importorskip("tracklib_mlflow")
    known = {vendor.name: vendor for vendor in vendors()}
    code = "import mlflow as m\nm.log_metric('a', 1)\nc = m.MlflowClient()\nc.log_batch(x)\nm.sklearn.autolog()\n"
    told = {use.call: use.instead for use in uses_in(code, list(known.values()))}
    assert told["mlflow.log_metric"] == "run.log({name: value}, step=...)"
    assert told["mlflow.MlflowClient().log_batch"].startswith("run.log(...)")
    assert told["mlflow.sklearn.autolog"] == ""
