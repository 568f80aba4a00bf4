"""A connector can be taken out: its folder and its name in the registry are all there is of it."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REGISTRY = "tieout/connectors/registry.py"

#: Where the word stands for something else than the connector.
OTHER_FILES = {
    "tieout/connectors/base.py": "the family of connectors that read files",
    "tieout/cli/ledger.py": "a key of the report's JSON",
}

#: Imports everything that is there, as a program would that uses all of it.
IMPORT_ALL = """
import importlib, pkgutil, sys
import tieout, tieout.cli
assert tieout.__file__.startswith(sys.argv[1]), tieout.__file__
for found in pkgutil.walk_packages(tieout.__path__, "tieout."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
from tieout.connectors.registry import connectors
print(",".join(connectors()))
"""


def modules() -> list[Path]:
    """The product's modules outside the connector's folder and the registry."""
    return [
        path
        for path in sorted((ROOT / "tieout").rglob("*.py"))
        if "connectors/files/" not in path.as_posix() and name_of(path) != REGISTRY
    ]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> set[str]:
    """The full names of all that a module imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
            names.add(str(node.module))
    return names


def test_no_module_imports_the_files_connector_or_says_its_slug() -> None:
    found = []
    for path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        wanted = [name for name in imported(tree) if name.startswith("tieout.connectors.files")]
        said = any(isinstance(n, ast.Constant) and n.value == "files" for n in ast.walk(tree))
        if wanted or (said and name_of(path) not in OTHER_FILES):
            found.append(name_of(path))
    assert found == []


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package without the folder and without its two places in the registry."""
    home = tmp_path_factory.mktemp("without_files")
    shutil.copytree(ROOT / "tieout", home / "tieout", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(home / "tieout/connectors/files")
    registry = home / REGISTRY
    text, times = re.subn(
        r"^    files\.CONNECTOR,\n|\bfiles, ", "", registry.read_text(encoding="utf-8"), flags=re.M
    )
    assert times == 2, "one import and one entry"
    registry.write_text(text, encoding="utf-8")
    return home


def python(home: Path, *arguments: str) -> str:
    """Run Python on the copy alone; its output."""
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=home,
        env={"PYTHONPATH": str(home), "PATH": "", "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_it_every_other_module_is_imported(without: Path) -> None:
    known = python(without, "-c", IMPORT_ALL, str(without)).strip().split(",")
    assert "files" not in known
    assert {"harvest", "quickbooks", "salesforce"} <= set(known)


def test_without_it_a_workspace_is_made_and_checked(without: Path) -> None:
    python(without, "-m", "tieout", "init", "firm")
    assert "no problems" in python(without, "-m", "tieout", "--workspace", "firm", "check")
