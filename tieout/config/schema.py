"""JSON Schemas of the workspace's files, for editors.

    python -m tieout.config.schema docs/reference/schema

writes one file for each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tieout.config.located import nearest
from tieout.config.workspace import FILES
from tieout.errors import BadInput

#: `tieout`, `deals`, `time`, `rates`, `ledger`: the schema of each file by its stem.
NAMES = {Path(file).stem: file for file in FILES}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one file, by its stem such as `deals`. Raises BadInput."""
    if name not in NAMES:
        raise BadInput(f"there is no schema '{name}'{nearest(name, list(NAMES))}")
    schema = FILES[NAMES[name]].model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text(name: str) -> str:
    """The same as it is written to a file."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into a folder, replacing older ones; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.json" for name in NAMES]
    for file in written:
        file.write_text(schema_text(file.stem), encoding="utf-8")
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m tieout.config.schema FOLDER")
    write_schemas(Path(sys.argv[1]))
