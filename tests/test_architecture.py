"""The architecture, as a machine can check it: who may import whom, how long things grow, what an import costs."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracklib
import tracklib.backends

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tracklib"
FOLDERS = ("tracklib", "plugins", "tests", "benchmarks", "examples", "docs")

GROUND = frozenset({"errors", "typing", "config", "messages", "platform", "settings", "value", "_lazy", "__version__"})
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND),
    "model": GROUND,
    "media": GROUND | {"model"},
    "journal": GROUND | {"model"},
    "backends": GROUND | {"model"},
    "delivery": GROUND | {"model", "journal", "backends"},
    "tracking": GROUND | {"model", "media", "journal", "backends", "delivery"},
    "capture": GROUND | {"model", "journal", "tracking"},
    "portability": GROUND | {"model", "journal", "backends", "delivery"},
    "reading": GROUND | {"model", "journal", "backends", "delivery", "portability"},
    # `tracklib conformance` is the conformance kit on a user's own account; the kit in turn knows no command.
    "cli": GROUND | {"", "model", "journal", "backends", "delivery", "tracking", "portability", "reading", "testing"},
    "testing": GROUND | {"", "model", "media", "journal", "backends", "delivery", "tracking", "portability", "reading"},
    "__main__": frozenset({"cli"}),
    "": GROUND | {"model", "media", "journal", "backends", "delivery", "tracking", "portability", "reading"},
}
"""For each layer, those below it; the empty name is ``tracklib/__init__.py``."""

PLUGIN_MAY_IMPORT = frozenset({"errors", "typing", "platform", "model", "backends"})

LIBRARIES = {
    "orjson": frozenset(MAY_IMPORT),
    "typing_extensions": frozenset(MAY_IMPORT),
    "pydantic": frozenset({"settings", "backends", "cli", "testing"}),
    "pydantic_core": frozenset({"backends"}),
    "tomli": frozenset({"config"}),
    "psutil": frozenset({"capture"}),
    "typer": frozenset({"cli"}),
    "click": frozenset({"cli"}),
    "rich": frozenset({"cli"}),
    "pytest": frozenset({"testing"}),
    "hypothesis": frozenset({"testing"}),
    "graphql": frozenset({"testing"}),
    "numpy": frozenset({"portability"}),
    "pyarrow": frozenset({"backends", "portability", "testing"}),
    "fsspec": frozenset({"portability"}),
}
"""What is not in the standard library, and the layers that may import it."""

STANDARD = sys.stdlib_module_names | {"tomllib"}  # since Python 3.11

VENDORS = frozenset(
    [
        "mlflow",
        "wandb",
        "comet",
        "aim",
        "neptune",
        "clearml",
        "swanlab",
        "trackio",
        "tensorboard",
        "dvclive",
        "databricks",
    ]
)
EMULATORS = PACKAGE / "testing" / "emulators"
"""Vendors' servers for tests, which are named after them; the SDKs themselves they never import."""

UNSAFE_MODULES = frozenset({"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"})
UNSAFE_CALLS = frozenset({"eval", "exec", "compile", "os.system", "os.popen", "yaml.load"})

MAX_FILE = 500
MAX_FUNCTION = 50
MAX_PUBLIC_POSITIONAL = 5
MAX_PRIVATE_POSITIONAL = 7
MAX_NEW_MODULES = 60


def sources(*folders: str) -> list[Path]:
    """Return the Python files below some folders, as far as they are the project's own."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))


def parse(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every module that a file imports, in functions and under TYPE_CHECKING too, with the line."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: expected an absolute import"
            assert node.module is not None
            if node.module == "tracklib":  # from tracklib import platform
                yield from ((f"tracklib.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def layer(path: Path) -> str:
    """Return the layer that a file belongs to; the empty name for ``tracklib/__init__.py``."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py") if first != "__init__.py" else ""


def place(path: Path, line: int) -> str:
    """Name a line for a message."""
    return f"{path.relative_to(ROOT)}:{line}"


def plugin_sources() -> list[Path]:
    """Return the files of all plugins, without their tests."""
    return [path for path in sources("plugins") if "tests" not in path.relative_to(ROOT).parts]


def test_imports_point_down():
    """Each layer imports those below it alone, wherever in a file the import stands."""
    wrong = []
    for path in sources("tracklib"):
        here = layer(path)
        for name, line in imports(path):
            top, _, rest = name.partition(".")
            there = rest.partition(".")[0]
            if top == "tracklib" and there != here and there not in MAY_IMPORT[here]:
                wrong.append(f"{place(path, line)}: {here or 'tracklib'} imports {name}")
    assert wrong == []


def test_every_layer_is_known():
    """A new folder or file below ``tracklib`` takes its place in the order before anything else."""
    assert {layer(path) for path in sources("tracklib")} <= MAY_IMPORT.keys()


def test_third_party_libraries_stay_where_they_belong():
    """What is not in the standard library is imported by the layers that are named for it alone."""
    wrong = []
    for path in sources("tracklib"):
        for name, line in imports(path):
            top = name.partition(".")[0]
            if top != "tracklib" and top not in STANDARD and layer(path) not in LIBRARIES.get(top, ()):
                wrong.append(f"{place(path, line)}: {layer(path)} imports {name}")
    assert wrong == []


def test_a_plugin_imports_the_contract_alone():
    """A plugin needs the contract, the model and the errors of tracklib, nothing else of it."""
    wrong = []
    for path in plugin_sources():
        for name, line in imports(path):
            top, _, rest = name.partition(".")
            if top == "tracklib" and rest.partition(".")[0] not in PLUGIN_MAY_IMPORT:
                wrong.append(f"{place(path, line)}: imports {name}")
    assert wrong == []


def test_vendors_are_known_to_their_plugins_alone():
    """No vendor is imported, and no function, class or variable is named after one, outside plugins and emulators."""
    wrong = []
    for path in sources("tracklib"):
        if EMULATORS in path.parents:
            continue
        wrong += [f"{place(path, n)}: imports {name}" for name, n in imports(path) if vendors_in(name)]
        wrong += [f"{place(path, n)}: {name}" for name, n in identifiers(path) if vendors_in(name)]
    assert wrong == []


def test_no_emulator_imports_an_sdk():
    """An emulator knows a vendor by what goes over the wire, and imports nothing of the vendor's."""
    wrong = []
    for path in sources("tracklib"):
        tops = [(name.partition(".")[0], n) for name, n in imports(path)]
        wrong += [f"{place(path, n)}: imports {top}" for top, n in tops if top != "tracklib" and vendors_in(top)]
    assert wrong == []


def identifiers(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every name that stands in a file's code, with the line; texts and comments are free."""
    for node in ast.walk(parse(path)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.Attribute):
            yield node.attr, line
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, line
        elif isinstance(node, (ast.arg, ast.keyword)) and node.arg is not None:
            yield node.arg, line


def vendors_in(name: str) -> set[str]:
    """Return the vendors that ``WandbRun``, ``wandb_run`` or ``wandb.run`` is named after."""
    short = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)} & {"aim"}  # not in "claim"
    return short | {vendor for vendor in VENDORS - {"aim"} if vendor in name.lower()}


def test_vendors_are_found_in_every_style():
    """A vendor is found in each style of name, and none in words that only contain one."""
    assert all(vendors_in(name) == {"wandb"} for name in ("wandb.sdk", "WandbRun", "_wandb_run", "WANDB_MODE"))
    assert vendors_in("MLflowSink") == {"mlflow"}
    assert vendors_in("AimSink") == vendors_in("aim.sdk") == {"aim"}
    assert vendors_in("claim") == vendors_in("ClaimedName") == set()


def test_files_and_functions_stay_small():
    """No file is longer than 500 lines, and no function's body, its docstring aside, longer than 50."""
    wrong = []
    for path in sources(*FOLDERS):
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > MAX_FILE:
            wrong.append(f"{path.relative_to(ROOT)}: {lines} lines")
        lengths = ((node, body_length(node)) for node in functions(ast.parse(text)))
        wrong += [f"{place(path, node.lineno)}: {node.name} has {n} lines" for node, n in lengths if n > MAX_FUNCTION]
    assert wrong == []


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a file, methods and inner ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def body_length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_few_arguments_go_by_their_place():
    """Five arguments at most go by their place, seven where a helper passes on what it was given."""
    wrong = []
    for path in [*(path for path in sources("tracklib") if layer(path) != "cli"), *plugin_sources()]:
        for node in functions(parse(path)):
            names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args) if arg.arg not in ("self", "cls")]
            limit = MAX_PRIVATE_POSITIONAL if node.name.startswith("_") else MAX_PUBLIC_POSITIONAL
            if len(names) > limit:
                wrong.append(f"{place(path, node.lineno)}: {node.name} takes {len(names)} by place")
    assert wrong == []


def test_nothing_that_is_read_can_run():
    """Neither tracklib nor a plugin deserialises what can carry code, evaluates text, or hands text to a shell."""
    wrong = []
    for path in [*sources("tracklib"), *plugin_sources()]:
        wrong += [f"{place(path, n)}: imports {m}" for m, n in imports(path) if m.partition(".")[0] in UNSAFE_MODULES]
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in UNSAFE_CALLS:
                wrong.append(f"{place(path, node.lineno)}: calls {ast.unparse(node.func)}")
            if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False":
                wrong.append(f"{place(path, node.lineno)}: passes shell={ast.unparse(node.value)}")
    assert wrong == []


def loaded_by(program: str, folder: Path) -> set[str]:
    """Return the modules that a fresh interpreter has after a program, and did not have before it."""
    script = f"import sys; before = set(sys.modules)\n{program}\nprint(*sorted(set(sys.modules) - before), sep='\\n')"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TRACKLIB_")}
    # -S: a site with its .pth files (editable installs among them) would load modules before the count begins.
    path = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if "site-packages" in entry)])
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={**environment, "PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def tops(modules: set[str]) -> set[str]:
    """Return the packages to which modules belong."""
    return {name.partition(".")[0] for name in modules}


HEAVY = frozenset(
    {"pydantic", "pyarrow", "numpy", "pandas", "polars", "PIL", "torch", "matplotlib", "plotly", "typer", "rich"}
    | {"mlflow", "wandb", "comet_ml", "aim"}
)


def test_import_is_light(tmp_path):
    """``import tracklib`` loads no vendor's SDK, no pydantic, no pyarrow, and 60 modules at the very most."""
    modules = loaded_by("import tracklib", tmp_path)
    assert tops(modules) & HEAVY == set()
    assert "tracklib" in modules
    assert len(modules) <= MAX_NEW_MODULES, sorted(modules)


def test_a_run_in_the_journal_alone_is_light(tmp_path):
    """A run without a backend or capture loads what records and nothing else, starts no process, connects nowhere."""
    program = f"""
import os
os.environ['TRACKLIB_CAPTURE'] = 'none'
sys.addaudithook(lambda event, _: os._exit(9) if event in {FORBIDDEN!r} else None)
import tracklib
with tracklib.init('p', dir={str(tmp_path / "root")!r}, strict=True) as run:
    run.log({{'a': 1.0}})
"""
    modules = loaded_by(program, tmp_path)
    ours = {name.removeprefix("tracklib.") for name in modules if name.startswith("tracklib.")}
    assert ours - packages(ours) == RECORDING
    assert modules & (HEAVY | COSTLY) - loaded_by("import orjson", tmp_path) == set()
    assert tops(modules) & HEAVY == set()


@pytest.mark.parametrize("backends", ["", "mlflow"])
def test_what_a_run_begins_with_is_not_compiled(backends, tmp_path):
    """Of what a run loads before its first record, only what is made per record compiles code, as dataclasses do."""
    program = f"""
import os
sys.path.insert(0, {str(ROOT / "plugins" / "tracklib-mlflow")!r})
os.environ.update(TRACKLIB_BACKENDS={backends!r}, TRACKLIB_CAPTURE='none', MLFLOW_TRACKING_URI='http://127.0.0.1:9')
import tracklib
run = tracklib.init('p', mode='offline', dir={str(tmp_path / "root")!r})
run.log({{'a': 1.0}})
kinds = [kind for name in list(sys.modules) if name.startswith('tracklib.') for kind in vars(sys.modules[name]).values()]
made = [kind for kind in kinds if isinstance(kind, type) and '__dataclass_params__' in vars(kind)]
assert {{kind.__name__ for kind in made if kind.__dataclass_params__.frozen}} - {{'BackendSettings'}} == {{'Metrics', 'Record'}}
"""
    modules = loaded_by(program, tmp_path)
    assert ("tracklib_mlflow.settings" in modules) == bool(backends)
    assert modules & (HEAVY | COSTLY) - loaded_by("import orjson", tmp_path) == set()


def packages(modules: set[str]) -> set[str]:
    """Return the packages among modules: what they hold is their names alone."""
    return {name for name in modules if (PACKAGE / name.replace(".", "/") / "__init__.py").exists()}


COSTLY = frozenset(
    {"asyncio", "concurrent.futures", "ctypes", "email", "http", "importlib.metadata", "logging", "multiprocessing"}
    | {"psutil", "shutil", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "typing_extensions", "urllib.request"}
)
"""What costs a training script milliseconds at its start, and a run needs later or never."""

RECORDING = frozenset(
    {"_lazy", "config", "errors", "messages", "platform", "settings", "typing", "value"}
    | {
        "journal.blobs",
        "journal.clock",
        "journal.flusher",
        "journal.layout",
        "journal.liveness",
        "journal.open_segment",
        "journal.segment",
        "journal.writer",
    }
    | {
        "model.codec",
        "model.devices",
        "model.members",
        "model.records",
        "model.run",
        "model.scalars",
        "model.summaries",
        "model.trees",
    }
    | {
        "tracking.context",
        "tracking.current",
        "tracking.endings",
        "tracking.given",
        "tracking.identity",
        "tracking.notebook",
        "tracking.null",
        "tracking.objections",
        "tracking.opening",
        "tracking.options",
        "tracking.ranks",
        "tracking.recorder",
        "tracking.redaction",
        "tracking.roots",
        "tracking.run",
        "tracking.starting",
        "tracking.steps",
        "tracking.summary",
        "tracking.tags",
    }
)
"""The modules of tracklib's own that a run in the journal alone loads."""


def test_a_captured_run_costs_the_training_one_process(tmp_path):
    """With all that is usual captured, two runs start one process, with no module loaded for it but tracklib's own."""
    program = f"""
import os
started = []
sys.addaudithook(lambda event, _: started.append(event) if event in {FORBIDDEN!r} else None)
import tracklib
for _ in range(2):
    with tracklib.init('p', dir={str(tmp_path / "root")!r}) as run:
        run.log({{'a': 1.0}})
assert started == ['os.posix_spawn'], started
"""
    modules = loaded_by(program, tmp_path)
    from_orjson = loaded_by("import orjson", tmp_path)  # on Python 3.10, its `uuid` loads `subprocess`
    assert tops(modules - from_orjson) & (HEAVY | {"subprocess", "psutil", "socket"}) == set()
    assert {name for name in modules if name.startswith("tracklib.capture")} == set()


FORBIDDEN = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "socket.connect")


def test_media_load_no_library_that_the_caller_lacks(tmp_path):
    """Logging media of plain Python loads neither numpy nor Pillow; logging numbers loads no media at all."""
    begin = f"import tracklib\nrun = tracklib.init('p', dir={str(tmp_path / 'root')!r})\n"
    numbers = loaded_by(begin + "run.log({'a': 1.0, 'nan': float('nan')})", tmp_path)
    assert not [name for name in numbers if name.startswith("tracklib.media")]
    values = "tracklib.Histogram([1, 2]), 'b': tracklib.Table([[1]]), 'c': tracklib.roc_curve([0, 1], [0.1, 0.9])"
    media = loaded_by(f"{begin}run.log({{'a': {values}}})", tmp_path)
    assert {"tracklib.media.histogram", "tracklib.media.plots"} <= media
    assert tops(media) & HEAVY == set()


def test_public_names_are_listed():
    """``dir(tracklib)`` gives the names of ``__all__``, each of which exists; a type checker is told the same ones."""
    assert dir(tracklib) == sorted(tracklib.__all__)
    for module in (tracklib, tracklib.backends):
        for name in module.__all__:
            assert getattr(module, name) is not None
        told = {
            alias.asname
            for node in ast.walk(parse(Path(module.__file__)))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.asname
        }
        assert told == set(module.__all__) - {"__version__"}


@pytest.mark.parametrize("module", ["tracklib", "tracklib.backends"])
def test_public_names_are_documented(module):
    """Every public function and class says what it is in its first line, and so does each public method of it."""
    silent = []
    home = importlib.import_module(module)
    for name in home.__all__:
        value = getattr(home, name)
        if not callable(value):
            continue
        silent += [name] if not (value.__doc__ or "").strip() else []
        for method, member in vars(value).items() if isinstance(value, type) else ():
            if not method.startswith("_") and callable(member) and not (member.__doc__ or "").strip():
                silent.append(f"{name}.{method}")
    assert silent == []


def test_an_unknown_name_is_refused_as_python_does():
    """A name that is not there raises `AttributeError` and names itself."""
    with pytest.raises(AttributeError, match="module 'tracklib' has no attribute 'lgo'"):
        _ = tracklib.lgo
