"""Where the password of a key comes from, in a fixed order, so that a restart needs nobody.

For a key file `…/keys/<owner>/<who>/signing.key` the name asked for is `<owner>-<who>`:

1. systemd: `$CREDENTIALS_DIRECTORY/<owner>-<who>` (LoadCredential= or LoadCredentialEncrypted=);
2. `ECERT_PASSWORD_FILE`: a folder with a file of that name, or one file for every key;
3. demo installations only: `password` beside the key file;
4. the terminal, when there is one.

A file that others may read is refused: a password everybody can read protects nothing.
"""

from __future__ import annotations

import stat
from pathlib import Path

from ledger.core.errors import InputError, RefusedError
from ledger.ports import PasswordSource

LONGEST_PASSWORD = 1024
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def key_name(uri: str) -> str:
    """`<owner>-<who>` of a key URI: the names of the two folders it lies in."""
    parts = Path(uri.removeprefix("file:")).parent.parts
    return "-".join(parts[-2:])


def read_password(path: Path) -> str:
    """The password in a file, without its line end.

    Raises:
        RefusedError: PASSWORD_FILE_OPEN_TO_OTHERS.
        InputError: PASSWORD_FILE_BROKEN (empty, too long, not UTF-8).
    """
    if path.stat().st_mode & OTHERS:
        raise RefusedError(
            "PASSWORD_FILE_OPEN_TO_OTHERS",
            f"{path} may be read by others; run: chmod 600 {path}",
            path=str(path),
        )
    data = path.read_bytes()
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if not text or len(data) > LONGEST_PASSWORD:
        raise InputError(
            "PASSWORD_FILE_BROKEN",
            f"{path} must hold one line of UTF-8 with 1 to {LONGEST_PASSWORD} bytes.",
            path=str(path),
        )
    return text


class PasswordChain:
    """Asks the sources in their order (PasswordSource).

    Args:
        credentials: folder of systemd credentials, or None.
        given: file or folder named by the operator, or None.
        beside: look for `password` beside the key file (demo installations only).
        ask: asks a person for the password of a key URI; None where nobody is there.
    """

    def __init__(
        self,
        *,
        credentials: Path | None,
        given: Path | None,
        beside: bool,
        ask: PasswordSource | None,
    ) -> None:
        self._credentials = credentials
        self._given = given
        self._beside = beside
        self._ask = ask

    def __call__(self, uri: str) -> str:
        for path in self._candidates(uri):
            if path.is_file():
                return read_password(path)
        if self._ask is not None:
            return self._ask(uri)
        raise RefusedError(
            "PASSWORD_NEEDED",
            f"No password for the key {key_name(uri)}: set ECERT_PASSWORD_FILE to a folder with a file of "
            "that name, use systemd's LoadCredential, or run this at a terminal.",
            key=key_name(uri),
            path=uri.removeprefix("file:"),
        )

    def _candidates(self, uri: str) -> list[Path]:
        name = key_name(uri)
        found = []
        if self._credentials is not None:
            found.append(self._credentials / name)
        if self._given is not None:
            found.append(self._given if self._given.is_file() else self._given / name)
        if self._beside:
            found.append(Path(uri.removeprefix("file:")).parent / "password")
        return found
