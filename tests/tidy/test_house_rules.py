"""The house rules that no linter knows. An exception is listed here, with its reason."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted((ROOT / "tieout").rglob("*.py"))

LONGEST_FUNCTION = 70
LONGEST_MODULE = 400
DEEPEST_NESTING = 3
LARGEST_CONNECTOR = 700

#: Connector folders that may be larger, up to how many lines, and why.
LARGER_CONNECTORS = {
    "netsuite": (
        1480,
        "it also credits, allocates, corrects, tells taxes, finds and reads back, asks in SuiteQL "
        "and signs in two ways",
    ),
    "quickbooks": (
        1525,
        "it also credits, voids, batches and finds; its errors come in four dialects",
    ),
    "xero": (
        1550,
        "it also credits, voids, batches, finds and attaches; four kinds of record settle invoices",
    ),
}

#: What may be longer or deeper than the rule says, and why.
EXCEPTIONS: dict[str, str] = {}

NESTS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_lines(text: str) -> int:
    return len(text.splitlines())


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def depth(node: ast.AST, so_far: int = 0) -> int:
    """How deep blocks nest below a node; an `elif` does not count as deeper."""
    deepest = so_far
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        inside = so_far + (1 if isinstance(child, NESTS) and not is_elif else 0)
        deepest = max(deepest, depth(child, inside))
    return deepest


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_a_module_stays_small_enough_to_read(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    found = []
    if code_lines(text) > LONGEST_MODULE:
        found.append(f"{name_of(path)}: {code_lines(text)} lines")
    for function in functions(tree):
        where = f"{name_of(path)}:{function.name}"
        length = (function.end_lineno or 0) - function.lineno + 1
        if length > LONGEST_FUNCTION:
            found.append(f"{where}: {length} lines")
        if depth(function) > DEEPEST_NESTING:
            found.append(f"{where}: nests {depth(function)} deep")
    assert [problem for problem in found if problem.split(": ")[0] not in EXCEPTIONS] == []


def test_a_connector_folder_stays_small() -> None:
    folders = [p for p in (ROOT / "tieout/connectors").iterdir() if (p / "__init__.py").exists()]
    sizes = {
        folder.name: sum(code_lines(path.read_text()) for path in folder.glob("*.py"))
        for folder in folders
    }
    allowed = {name: lines for name, (lines, _) in LARGER_CONNECTORS.items()}
    found = {n: s for n, s in sizes.items() if s > allowed.get(n, LARGEST_CONNECTOR)}
    assert found == {}


def test_a_connector_only_translates() -> None:
    """No loop over pages, no retry, no sleep, no SQL, no clock, no HTTP of its own."""
    banned = {"sqlalchemy", "tenacity", "time", "requests", "celery", "tieout.clock"}
    found = []
    for path in (ROOT / "tieout/connectors").glob("*/*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.While):
                found.append(f"{name_of(path)}:{node.lineno}: a while loop")
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
                found += [f"{name_of(path)}:{node.lineno}: {name}" for name in names & banned]
            if isinstance(node, ast.ImportFrom) and node.module in banned:
                found.append(f"{name_of(path)}:{node.lineno}: {node.module}")
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                (".execute", "sleep", ".get_logger", "walk")
            ):
                found.append(f"{name_of(path)}:{node.lineno}: {ast.unparse(node.func)}")
    assert found == []


def test_only_one_module_rounds_money() -> None:
    """Connectors, reports and the store never round: `billing/rounding.py` does."""
    rounding = re.compile(r"\.quantize\(|ROUND_[A-Z]|(?<![\w.])round\(")
    home = {"tieout/billing/rounding.py"}
    found = [
        f"{name_of(path)}:{number}"
        for path in PRODUCT
        if name_of(path) not in home and "tieout/sandbox/" not in name_of(path)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if rounding.search(line)
    ]
    assert found == []


def test_no_float_touches_the_product() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "float"
        and name_of(path) not in FLOAT_SECONDS
    ]
    assert found == []


#: Seconds of waiting may be floats; money may not.
FLOAT_SECONDS = {"tieout/connectors/faults.py"}


def test_everything_public_says_what_it_is() -> None:
    # A stand-in's many small faults and the steps of a migration are named for what they are.
    told = [p for p in PRODUCT if not {"sandbox", "versions"} & set(p.parts)]
    found = []
    for path in told:
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree) and path.read_text().strip():
            found.append(name_of(path))
        for node in tree.body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                found.append(f"{name_of(path)}:{node.name}")
    assert found == []


def test_nothing_names_a_machine_or_a_workplace() -> None:
    """No paths of somebody's machine, no package registry's host."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    hosts = ("python" + "hosted", "pypi" + r"\.org")
    banned = re.compile("|".join(("/" + "work/", "/" + "root/", "/" + "home/[a-z]", *hosts)))
    found = [
        name
        for name in listed
        if name and (ROOT / name).is_file() and banned.search((ROOT / name).read_text("latin-1"))
    ]
    assert found == []
