"""A backup is one file: the database, the workspace's files, and what proves both whole.

No secret is in it: stored credentials are in the database, encrypted, and the key is not.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from tieout import __version__
from tieout.errors import BadInput, NotAllowed, StoreError
from tieout.store import audit, migrate
from tieout.store import backup as copies
from tieout.store.core import Store
from tieout.sync.engine import Engine

#: Raised when an archive is made in another way.
FORMAT = 1
_MANIFEST = "manifest.json"
_WORKSPACE = "workspace/"
#: What of a workspace is kept. Anything else may be a secret that somebody put there.
_KEPT_FILES = ("tieout.yaml",)
_KEPT_FOLDERS = ("mappings", "reports", ".schema")
_CHUNK = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class BackedUp:
    """What a backup holds."""

    file: Path
    firm: str
    made_at: str  # ISO 8601, UTC
    version: str  # of the Tieout that made it
    migration: str
    audit_seq: int
    audit_hash: str
    parts: tuple[str, ...]
    left_out: tuple[str, ...]  # files of the workspace that are not in it


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was put back, and where."""

    workspace: Path
    database: str
    firm: str
    made_at: str
    audit_entries: int
    in_hand: int  # writes that were in hand when the backup was made


# -- making one -------------------------------------------------------------------------
def backup(engine: Engine, file: Path) -> BackedUp:
    """Write a backup into a file that is not there yet, while others may write.

    Raises NotAllowed when the file is there, StoreError, Misconfigured.
    """
    if file.exists():
        raise NotAllowed(f"{file} is there already; a backup never overwrites one.")
    folder = engine.workspace.folder
    kind = "sqlite" if engine.store.is_file else "postgresql"
    partial = file.with_name(file.name + ".part")
    with tempfile.TemporaryDirectory(dir=file.parent) as place:
        database = Path(place) / copies.file_name(kind)
        copied = copies.copy(engine.store, database)
        parts = {database.name: database, **dict(_kept(folder))}
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "tieout": __version__,
            "migration": copied.migration,
            "firm": engine.name,
            "made_at": engine.now().isoformat(),
            "audit": {"seq": copied.audit_seq, "hash": copied.audit_hash},
            "parts": {name: _hash_of(path) for name, path in parts.items()},
            "left_out": sorted(_left_out(folder, file)),
            "key": "not in this file: keep TIEOUT_KEY or the key file apart from it",
        }
        with zipfile.ZipFile(partial, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, path in parts.items():
                archive.write(path, name)
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False))
    partial.replace(file)
    return _backed_up(file, manifest)


def _kept(folder: Path) -> Iterator[tuple[str, Path]]:
    for name in _KEPT_FILES:
        yield f"{_WORKSPACE}{name}", folder / name
    for name in _KEPT_FOLDERS:
        for path in sorted((folder / name).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield f"{_WORKSPACE}{path.relative_to(folder).as_posix()}", path


def _left_out(folder: Path, file: Path) -> Iterator[str]:
    kept = {path for _, path in _kept(folder)}
    for path in folder.rglob("*"):
        inside = path.is_relative_to(folder / ".tieout") and path.name.startswith("tieout.db")
        database = inside and not path.name.endswith(".key")
        if path.is_file() and path not in kept and not database and file.name not in path.name:
            yield path.relative_to(folder).as_posix()


def _hash_of(path: Path) -> str:
    seal = sha256()
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            seal.update(chunk)
    return seal.hexdigest()


def _backed_up(file: Path, manifest: dict[str, Any]) -> BackedUp:
    return BackedUp(
        file=file,
        firm=manifest["firm"],
        made_at=manifest["made_at"],
        version=manifest["tieout"],
        migration=manifest["migration"],
        audit_seq=manifest["audit"]["seq"],
        audit_hash=manifest["audit"]["hash"],
        parts=tuple(manifest["parts"]),
        left_out=tuple(manifest["left_out"]),
    )


# -- putting one back -------------------------------------------------------------------
def restore(file: Path, workspace: Path, store: Store) -> Restored:
    """Put a backup into an empty workspace folder and an empty database.

    Everything is checked before the first file is written. Raises BadInput when the file
    is no backup or is not whole, NotAllowed when something would be overwritten or the
    backup is of a newer Tieout, StoreError, Misconfigured.
    """
    with tempfile.TemporaryDirectory() as place:
        unpacked = Path(place)
        manifest = _unpacked(file, unpacked)
        if (workspace / "tieout.yaml").exists():
            raise NotAllowed(
                f"There is a workspace in {workspace} already, and a restore never overwrites "
                "one. Name an empty folder: `tieout --workspace FOLDER restore FILE`."
            )
        (database,) = (name for name in manifest["parts"] if "/" not in name)
        copies.check_place(store, database)
        if database == copies.file_name("sqlite"):
            _check_audit(Store.open(f"sqlite:///{unpacked / database}", store.clock), manifest)
        if store.is_file:
            Path(store.where).parent.mkdir(parents=True, exist_ok=True)
        copies.put_back(store, unpacked / database)
        entries = _check_audit(store, manifest)
        shutil.copytree(unpacked / _WORKSPACE, workspace, dirs_exist_ok=True)
    store.migrate()
    with store.begin() as tx:
        in_hand = copies.settle_restored(tx)
        detail = {"made_at": manifest["made_at"], "entries": entries}
        audit.record(tx, "restore", "database.restored", manifest["firm"], detail)
    return Restored(
        workspace=workspace,
        database=store.where,
        firm=manifest["firm"],
        made_at=manifest["made_at"],
        audit_entries=entries,
        in_hand=in_hand,
    )


def _unpacked(file: Path, place: Path) -> dict[str, Any]:
    """Unpack what the manifest names, checked against it."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
            _refuse_newer(manifest)
            for name, seal in manifest["parts"].items():
                _unpack(archive, name, seal, place)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as problem:
        raise BadInput(f"{file} is not a backup of Tieout, or is damaged ({problem}).") from problem
    return manifest


def _refuse_newer(manifest: dict[str, Any]) -> None:
    if manifest["format"] > FORMAT or manifest["migration"] > migrate.HEAD:
        raise NotAllowed(
            f"This backup was made by Tieout {manifest['tieout']} (tables {manifest['migration']}),"
            f" which is newer than this one ({__version__}, tables {migrate.HEAD}). Install that "
            "version or a newer one, then restore. Nothing was changed."
        )


def _unpack(archive: zipfile.ZipFile, name: str, seal: str, place: Path) -> None:
    parts = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name:
        raise BadInput(f"The backup names a file outside of itself: {name}. It is not used.")
    target = place / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, target.open("wb") as out:
        shutil.copyfileobj(source, out, _CHUNK)
    if _hash_of(target) != seal:
        raise BadInput(f"The backup is damaged: {name} is not what it was. Use another backup.")


def _check_audit(store: Store, manifest: dict[str, Any]) -> int:
    """Walk the audit log of a copy; the number of its entries. Raises StoreError."""
    try:
        with store.read() as tx:
            broken, (seq, seal) = audit.verify(tx), copies.head_of(tx)
    finally:
        store.close()
    if broken is not None:
        raise StoreError(f"The backup's audit log is broken: {broken.text} It is not used.")
    if [seq, seal] != [manifest["audit"]["seq"], manifest["audit"]["hash"]]:
        raise StoreError("The backup's audit log does not end where it did. It is not used.")
    return seq
