"""The wheel: what is in it, and that it runs where nothing else of ours is."""

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tieout import __version__

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tieout"
#: What the program reads at run time besides its modules, by folder and ending.
DATA = (
    "tieout/config/defaults/*.yaml",
    "tieout/config/defaults/mappings/*.yaml",
    "tieout/reconcile/templates/*.html",
    "tieout/sandbox/firm_workspace_files/*.yaml",
    "tieout/sandbox/firm_workspace_files/mappings/*.yaml",
    "tieout/store/migrations/versions/*.py",
    "tieout/store/migrations/env.py",
    "tieout/store/migrations/script.py.mako",
    "tieout/py.typed",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, ROOT)
    [made] = target.glob("*.whl")
    return made


def run(*command: str | Path, **details: object) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **details
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def constraints() -> str:
    """The versions of requirements.lock without the hashes, which a wheel made now has not."""
    text = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    pins = [line for line in text.splitlines() if re.match(r"[\w.\-\[\]]+==", line)]
    return "\n".join(re.sub(r"\s*--hash=\S+", "", pin).strip() for pin in pins)


@pytest.mark.timeout(300)
def test_everything_the_program_reads_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for pattern in DATA:
        wanted = {path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)}
        assert wanted, f"there is no {pattern}"
        assert wanted - inside == set()
    modules = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")}
    assert modules - inside == set()
    assert {name.split("/")[0] for name in inside} == {"tieout", f"tieout-{__version__}.dist-info"}


@pytest.mark.timeout(300)
def test_the_wheel_runs_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home)
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    pins = tmp_path / "constraints.txt"
    pins.write_text(constraints())
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean.pop("VIRTUAL_ENV", None)
    there = {"cwd": tmp_path, "env": clean}
    pip = (sys.executable, "-m", "pip", "--python", programs / "python")
    run(*pip, "install", "--quiet", "--no-compile", "-c", pins, wheel, **there)

    assert __version__ in run(programs / "tieout", "--version", **there)
    where = run(programs / "python", "-c", "import tieout; print(tieout.__file__)", **there)
    assert Path(where.strip()).is_relative_to(home)
    installed = run(*pip, "list", "--format=freeze", **there)
    assert not re.search(r"^(pytest|mypy|ruff|hatchling)==", installed, re.MULTILINE)
    # What it unpacks and reads there: a workspace made from the defaults it carries.
    run(programs / "tieout", "init", tmp_path / "firm", "--firm", "Fern & Co", **there)
    assert (tmp_path / "firm" / "tieout.yaml").is_file()
