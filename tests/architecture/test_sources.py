"""What no source file may do, and how long files and functions may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "medical_transformer"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]

MOST_LINES = 400
SHORT_FUNCTION = 30
SHARE_OF_SHORT_FUNCTIONS = 0.9

# They run code that stands in a file.
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "torch.save", "__import__"}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def forbidden_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.split(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom):
            yield from [node.module] if node.module and node.module.split(".")[0] in FORBIDDEN_MODULES else []
            yield from (
                f"{node.module}.{one.name}" for one in node.names if f"{node.module}.{one.name}" in FORBIDDEN_CALLS
            )
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN_CALLS:
            # torch's own format is read where others publish in it, and then as tensors only.
            if "weights_only=True" not in {ast.unparse(one) for one in node.keywords}:
                yield ast.unparse(node.func)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield "allow_pickle"


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_no_source_file_can_run_code_from_a_data_file(path: Path) -> None:
    assert list(forbidden_in(parsed(path))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "eval(text)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_code_that_runs_a_data_file_would_be_found(code: str) -> None:
    assert list(forbidden_in(ast.parse(code)))


def test_a_file_can_be_read_in_one_sitting() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in zip(NAMES, FILES, strict=True)}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_nine_functions_in_ten_fit_on_half_a_screen() -> None:
    lengths = [(node.end_lineno or 0) - node.lineno + 1 for path in FILES for node in functions(parsed(path))]
    short = sum(length < SHORT_FUNCTION for length in lengths)
    assert short / len(lengths) >= SHARE_OF_SHORT_FUNCTIONS


def test_every_module_has_a_docstring() -> None:
    silent = [name for name, path in zip(NAMES, FILES, strict=True) if not ast.get_docstring(parsed(path))]
    assert silent == []
