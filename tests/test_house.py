"""Rules of the house: what imports what, what is public, what happens without numba or a place to write."""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import BackendError, DataError, cli, kernels

import zoo
from modules import compiled

SOURCE = Path(fastanchor.__file__).resolve().parent


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_import_is_cheap():
    heavy = {
        "numba",
        "matplotlib",
        "PIL",
        "sklearn",
        "scipy",
        "tqdm",
        "yaml",
        "msgspec",
        "pyarrow",
        "dask",
        "distributed",
    }
    code = f"import sys, fastanchor; fastanchor.auto_anchor; print(sorted({heavy} & set(sys.modules)))"
    assert python(code).stdout.strip() == "[]"


def test_what_a_job_may_not_need_is_imported_later():
    later = {"numpy.random", "logging", "pathlib", "hashlib", "json", "csv", "html", "heapq", "concurrent.futures"}
    ours = "'fastanchor.' + name for name in ('export', 'engine.index', 'optimum._bound')"
    code = (
        "import sys, numpy; before = set(sys.modules); import fastanchor; fastanchor.auto_anchor\n"
        f"print(sorted(({later} | {{*({ours})}}) & (set(sys.modules) - before)))"
    )
    assert python(code).stdout.strip() == "[]"


@pytest.mark.parametrize("code", ["import fastanchor", "from fastanchor.cli import main; main(['--version'])"])
def test_import_and_version_need_no_numpy(code):
    assert python(f"{code}; import sys; print('numpy' in sys.modules)").stdout.endswith("False\n")


def test_all_is_what_is_public():
    assert set(fastanchor.__all__) == {*fastanchor._HOME, "compat", "datasets"} - {"__version__"}
    assert set(fastanchor.__all__) <= set(dir(fastanchor))
    for name in fastanchor.__all__:
        value = getattr(fastanchor, name)
        assert value is getattr(fastanchor, name)
        assert getattr(value, "__module__", value.__name__).startswith("fastanchor.")
    with pytest.raises(AttributeError, match="module 'fastanchor' has no attribute 'anchor'"):
        _ = fastanchor.anchor


def test_type_checkers_and_the_documentation_see_what_is_public():
    tree = ast.parse(Path(fastanchor.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    names = {name.name for node in block.body for name in node.names}
    assert names - {"__version__"} == set(fastanchor.__all__)


def test_no_module_bears_the_name_of_a_public_function():
    """Importing such a module would put it in the function's place."""
    modules = {path.stem for path in SOURCE.iterdir()}
    assert modules & set(fastanchor.__all__) == {"compat", "datasets"}


def public_functions():
    """Return every function of the public face, and the methods of its classes, by name."""
    found = {}
    for name in fastanchor.__all__:
        value = getattr(fastanchor, name)
        if inspect.isfunction(value):
            found[name] = value
        elif inspect.isclass(value) and not issubclass(value, Exception):
            methods = inspect.getmembers(value, inspect.isfunction)
            found.update({f"{name}.{inner}": one for inner, one in methods if inner == "__init__" or inner[0] != "_"})
    return found


@pytest.mark.parametrize("name", public_functions())
def test_public_arguments_have_types_that_say_something(name):
    function = public_functions()[name]
    hints = typing.get_type_hints(function)  # every name in them can be resolved
    for argument in inspect.signature(function).parameters:
        assert argument == "self" or hints[argument] is not typing.Any, argument


def test_types_can_be_resolved_in_a_fresh_process():
    code = "import typing, fastanchor; print('Generator' in str(typing.get_type_hints(fastanchor.kmeans)['rng']))"
    assert python(code).stdout == "True\n"


TAKE_BOXES = [
    name
    for name, function in public_functions().items()
    if "boxes" in inspect.signature(function).parameters and (name[0].islower() or name == "BoxIndex.__init__")
]


@pytest.mark.parametrize("name", TAKE_BOXES)
def test_boxes_come_first(name):
    arguments = inspect.signature(public_functions()[name]).parameters
    assert next(argument for argument in arguments if argument != "self") == "boxes"


def test_every_all_exists():
    for path in SOURCE.rglob("*.py"):
        name = ".".join(("fastanchor", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
        if name.endswith("__main__") or (compiled(path) and not kernels.installed()):
            continue
        module = importlib.import_module(name)
        assert [n for n in getattr(module, "__all__", []) if not hasattr(module, n)] == []


def test_kernel_twins_bear_the_same_names_and_arguments():
    def signatures(name):
        tree = ast.parse((SOURCE / "kernels" / name).read_text())
        return {
            node.name: [a.arg for a in node.args.args]
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        }

    twins = signatures("_numpy.py")
    del twins["sort_keys"]  # a helper of callers
    found = signatures("_numba.py") | signatures("_numba_sums.py")
    del found["fold"]  # a helper of the kernels
    assert found == twins


COMPILED = sorted({*(SOURCE / "kernels").glob("_*.py")} - {SOURCE / "kernels" / "_cells.py"})
NESTING = ast.For, ast.While, ast.If, ast.With


def depth(node, at=0):
    """How many loops and branches stand inside each other; an elif is no deeper than its if."""
    deepest = at
    for part in ast.iter_child_nodes(node):
        chained = isinstance(node, ast.If) and isinstance(part, ast.If) and node.orelse == [part]
        deepest = max(deepest, depth(part, at + (isinstance(part, NESTING) and not chained)))
    return deepest


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_kernels_are_small(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            arguments = len([*node.args.args, *node.args.kwonlyargs])
            assert (node.end_lineno - node.lineno < 60, arguments <= 8, depth(node) <= 4) == (True,) * 3, node.name


HIDE = "import sys; sys.modules['numba'] = None\n"


@pytest.mark.slow
def test_without_numba_the_answers_are_the_same():
    code = (
        HIDE
        + "import json, fastanchor, numpy as np\n"
        + "wh = np.exp(np.random.default_rng(0).normal([3.8, 3.7], [1, 1], (5000, 2))).clip(3, 640)\n"
        + "r = fastanchor.auto_anchor(wh, rng=0, gen=50)\n"
        + "print(json.dumps([r.backend, r.anchors.tolist(), r.fitness]))"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    backend, anchors, fitness = json.loads(done.stdout)
    here = fastanchor.auto_anchor(zoo.lognormal(5000).clip(3), rng=0, gen=50)
    assert backend == "numpy"
    np.testing.assert_array_equal(anchors, here.anchors)
    assert fitness == here.fitness


def test_numba_asked_for_and_absent():
    done = python(HIDE + "import fastanchor; fastanchor.mean_iou([[1, 1]], [[1, 1]])", FASTANCHOR_BACKEND="numba")
    assert "BackendError: FASTANCHOR_BACKEND = 'numba': numba is not installed" in done.stderr


def test_misspelt_backend_names_the_legal_ones(monkeypatch):
    with pytest.raises(DataError, match="must be one of 'numba', 'numpy'"), fastanchor.backend("cuda"):
        pass
    monkeypatch.setenv("FASTANCHOR_BACKEND", "nunba")
    with pytest.raises(DataError, match="FASTANCHOR_BACKEND = 'nunba'"):
        fastanchor.mean_iou([[1, 1]], [[1, 1]])
    assert issubclass(BackendError, ImportError)


def test_with_block_beats_the_environment(monkeypatch):
    monkeypatch.setenv("FASTANCHOR_BACKEND", "nunba")
    with fastanchor.backend("numpy"):
        assert kernels.current() == "numpy"


@pytest.mark.slow
@pytest.mark.skipif(not kernels.installed(), reason="numba is not installed")
def test_kernels_compile_where_nothing_can_be_written():
    """No cache folder: numba refuses ``cache=True`` at decoration, which is at import."""
    code = (
        "import numba.core.caching as c\n"
        "c.CacheImpl._locator_classes = []\n"
        "import fastanchor\n"
        "print(fastanchor.mean_iou([[2.0, 2.0]], [[2.0, 1.0]]))\n"
        "from fastanchor.cli import main\n"
        "main(['info'])"
    )
    done = python(code, FASTANCHOR_BACKEND="numba")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0.5\n")
    assert "none: kernels are compiled in every process" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_can_go_on(backend):
    """A child has the pool's object but none of its threads; data loaders fork."""
    wh = zoo.lognormal(300_000)
    expected = fastanchor.mean_iou(wh, wh[:9])
    code = (
        "import os, sys, warnings, numpy as np, fastanchor\n"
        "warnings.simplefilter('ignore')\n"
        "wh = np.exp(np.random.default_rng(0).normal([3.8, 3.7], [1, 1], (300000, 2))).clip(2, 640)\n"
        "f = lambda: fastanchor.kmeans(wh, 9, init=wh[:9], max_iter=1, threads=2).mean_iou\n"
        "first = f()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if f() == first else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=120, check=False, env={**os.environ, "FASTANCHOR_BACKEND": backend}
    )
    assert done.returncode == 0
    assert 0 < expected < 1


def test_two_python_threads_at_once(backend):
    from concurrent.futures import ThreadPoolExecutor

    wh = zoo.lognormal(200_000)

    def job(seed):
        with fastanchor.backend(backend):
            return fastanchor.kmeans(wh, 5, rng=seed, max_iter=3, progress=False).centers

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(job, [1, 2, 1, 2]))
    np.testing.assert_array_equal(together[0], job(1))
    np.testing.assert_array_equal(together[1], job(2))
    np.testing.assert_array_equal(together[2], together[0])


@pytest.mark.slow
def test_numpy_kernels_need_little_memory():
    """Extra memory stays under 64 MB, whatever the number of boxes."""
    import tracemalloc

    from fastanchor.engine.dense import DenseEngine

    wh = zoo.lognormal(3_000_000)
    with fastanchor.backend("numpy"):
        engine = DenseEngine(wh, threads=2)
    centers, run = zoo.lognormal(32, 1), engine.lloyd("iou", "median")
    tracemalloc.start()
    engine.fitness(centers, 0.25)
    run.step(centers)
    engine.total(centers, 0.25)
    engine.nearest(centers, "iou")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6


def test_what_a_check_returns_is_used():
    """A checked number may be of any type; only what the check returns is a float, an int or a generator."""
    makers = {"as_indices", "as_path", "as_points", "generator", "integer", "listed", "names", "number", "side_pair"}
    dropped = [
        f"{path.name}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and isinstance(node.value.func.value, ast.Name)
        and node.value.func.value.id == "_check"
        and node.value.func.attr in makers
    ]
    assert dropped == []


def option_names():
    """Return the names of Python arguments that options of the command line set."""
    parsers = {name: cli.parser_of([name])[1] for name in cli.COMMANDS if name != "run"}
    return {python for parser in parsers.values() for python in cli._names(parser)}


# texts about the content of a file or of an object, where such a name is not an argument
OF_CONTENT = ("compat", "distributed", "_coco_json.py", "darknet.py", "paddle.py", "yolo.py")


def test_messages_name_arguments_as_the_user_wrote_them():
    """On the command line an argument is called by its option; ``called()`` knows."""
    names, found = option_names(), []
    for path in SOURCE.rglob("*.py"):
        if {*path.parts} & {*OF_CONTENT}:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            first = node.values[0] if isinstance(node, ast.JoinedStr) else node
            text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            match = re.match(r"(\w+)(\[| = |: )", text)
            if match is not None and match[1] in names:
                found.append(f"{path.name}:{node.lineno}: {text[:40]}")
    assert found == []
