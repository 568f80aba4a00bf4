"""The key that protects stored credentials."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tieout.errors import Misconfigured, NotAllowed, StoreError

VARIABLE = "TIEOUT_KEY"


def new_key() -> str:
    """A fresh key: 32 random bytes in URL-safe base64."""
    return Fernet.generate_key().decode()


class Cipher:
    """Encrypts with the first key, decrypts with any.

    Keys come from the argument, else the environment's TIEOUT_KEY, else a file that only
    its owner can read: several, separated by commas, newest first, which is how a key is
    replaced. The file beside an SQLite database is made at first use; one that somebody
    named (`named`) must be there.
    """

    def __init__(self, keys: str | None, file: Path | None, *, named: bool = False) -> None:
        self._given = keys
        self._file = file
        self._named = named
        self._fernets: list[Fernet] = []
        self._stamp: tuple[int, int] | None = None  # of the key file that was read

    @property
    def source(self) -> str:
        """Where the keys come from, for a person."""
        if self._given or os.environ.get(VARIABLE):
            return VARIABLE
        return str(self._file or "nowhere")

    @property
    def is_there(self) -> bool:
        """Whether a key is set, without making one."""
        given = self._given or os.environ.get(VARIABLE)
        return bool(given or (self._file and self._file.exists()))

    def encrypt(self, text: str, at: datetime) -> str:
        """The encrypted form of a text; `at` is the time written into it."""
        return self._open().encrypt_at_time(text.encode(), int(at.timestamp())).decode()

    def decrypt(self, token: str) -> str:
        """The text again. Raises StoreError when it was encrypted with another key."""
        try:
            return self._open().decrypt(token.encode()).decode()
        except InvalidToken:
            # From None: a traceback would show the token.
            raise StoreError(
                "A stored credential cannot be read with this key. Restore the key it was "
                f"stored with ({VARIABLE} or the key file), or connect the system again."
            ) from None

    def is_current(self, token: str) -> bool:
        """Whether a token was made with the first key."""
        self._open()
        with suppress(InvalidToken):
            self._fernets[0].decrypt(token.encode())
            return True
        return False

    # -- replacing the key file's key ---------------------------------------------------
    def add_to_file(self) -> None:
        """Put a fresh key before those in the key file. Raises NotAllowed when a variable
        holds the key: who sets it replaces it there."""
        self._write(self.in_file(), f"{new_key()},{self._read_or_make()}")

    def keep_first_in_file(self) -> None:
        """Forget the older keys of the key file. Raises NotAllowed as `add_to_file` does."""
        path = self.in_file()
        self._write(path, self._read(path).split(",")[0].strip())

    def in_file(self) -> Path:
        """The key file. Raises NotAllowed when the key is in a variable."""
        if self._given or os.environ.get(VARIABLE) or self._file is None:
            raise NotAllowed(
                f"The key is in {VARIABLE}, so it is replaced there: put a new key before the "
                "old one, with a comma between them, and run `tieout secrets rotate`. When that "
                "is done, take the old one out."
            )
        return self._file

    def _write(self, path: Path, keys: str) -> None:
        """All of it or nothing, readable by its owner only from the first byte on."""
        fresh = path.with_name(path.name + ".new")
        try:
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(keys)
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(path)
        except OSError as error:
            raise StoreError(f"The key file {path} cannot be written: {error}.") from error
        self._fernets = []

    # -- reading ------------------------------------------------------------------------
    def _open(self) -> MultiFernet:
        """The keys as they are now: another process may have put a new one into the file."""
        given = self._given or os.environ.get(VARIABLE)
        if not self._fernets or (not given and self._stamp != self._stamp_now()):
            keys = given or self._read_or_make()
            self._stamp = None if given else self._stamp_now()
            try:
                self._fernets = [Fernet(key.strip()) for key in keys.split(",")]
            except ValueError:
                # From None: what went wrong in there quotes the key.
                raise Misconfigured(
                    f"{VARIABLE} is not a key: it needs 32 bytes in URL-safe base64."
                ) from None
        return MultiFernet(self._fernets)

    def _read_or_make(self) -> str:
        if self._file is None:
            raise Misconfigured(
                f"Credentials are stored encrypted, and no key is set: put one into {VARIABLE} "
                "(32 bytes in URL-safe base64), the same for every process."
            )
        if self._named:
            return self._read(self._file)
        try:
            # Made readable by its owner only before the first byte is in it; when two
            # processes start together, the second one finds the first one's key.
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self._read(self._file)
        except OSError as error:
            raise StoreError(f"The key file {self._file} cannot be made: {error}.") from error
        key = Fernet.generate_key()
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return key.decode()

    def _stamp_now(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat() if self._file else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino) if found else None

    def _read(self, path: Path) -> str:
        try:
            open_to_others = path.stat().st_mode & 0o077
            key = path.read_text().strip()
        except OSError as error:
            raise StoreError(f"The key file {path} cannot be read: {error}.") from error
        if open_to_others:
            raise StoreError(f"The key file {path} can be read by others: `chmod 600 {path}`.")
        if not key:
            raise StoreError(
                f"The key file {path} is empty: restore it from a backup, or delete it and "
                "connect every system again."
            )
        return key
