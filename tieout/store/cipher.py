"""The key that protects stored credentials."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tieout.errors import Misconfigured, StoreError

_VARIABLE = "TIEOUT_KEY"


class Cipher:
    """Encrypts with the first key, decrypts with any.

    Keys come from the argument, else the environment's TIEOUT_KEY (several,
    separated by commas, newest first: that is how a key is replaced), else a file
    beside the database that only its owner can read, made at first use.
    """

    def __init__(self, keys: str | None, file: Path | None) -> None:
        self._given = keys
        self._file = file
        self._fernet: MultiFernet | None = None

    def encrypt(self, text: str, at: datetime) -> str:
        """The encrypted form of a text; `at` is the time written into it."""
        return self._open().encrypt_at_time(text.encode(), int(at.timestamp())).decode()

    def decrypt(self, token: str) -> str:
        """The text again. Raises StoreError when it was encrypted with another key."""
        try:
            return self._open().decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise StoreError(
                "A stored credential cannot be read with this key. Restore the key it was "
                f"stored with ({_VARIABLE} or the key file), or connect the system again."
            ) from error

    def _open(self) -> MultiFernet:
        if self._fernet is None:
            keys = self._given or os.environ.get(_VARIABLE) or self._from_file()
            try:
                self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
            except ValueError as error:
                raise Misconfigured(
                    f"{_VARIABLE} is not a key: it needs 32 bytes in URL-safe base64."
                ) from error
        return self._fernet

    def _from_file(self) -> str:
        if self._file is None:
            raise Misconfigured(
                f"Credentials are stored encrypted, and no key is set: put one into {_VARIABLE} "
                "(32 bytes in URL-safe base64), the same for every process."
            )
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
