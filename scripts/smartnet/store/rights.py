"""Who may read and write a store: its owner alone, or a named group; and whose entries are believed."""

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from smartnet.errors import ConfigError


class UntrustedError(Exception):
    """Something in a store that is not to be believed; the text says what and why."""


@dataclass(frozen=True)
class Rights:
    """Rights in a store.

    Attributes:
        group: number of the group that shares it, None for a store of one's own.
    """

    group: int | None = None

    @classmethod
    def of(cls, group: str | None) -> "Rights":
        """Rights of a store that this group shares.

        Raises:
            ConfigError: there is no such group.
        """
        if group is None:
            return cls()
        try:
            return cls(grp.getgrnam(group).gr_gid)
        except KeyError:
            raise ConfigError(
                f"store.group is '{group}', but this machine knows no such group: give one that `groups` "
                "lists, or null"
            ) from None

    def open_folder(self, folder: Path, *, shared: bool = False) -> None:
        """Make a folder, whatever the umask; ``shared`` ones take entries of all of the group.

        Raises:
            OSError: it cannot be made.
        """
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            return
        self._give(folder, 0o700, 0o2770 if shared else 0o2750)

    def close_file(self, file: Path) -> None:
        """Set the rights of a file that is whole."""
        self._give(file, 0o600, 0o640)

    def _give(self, path: Path, alone: int, together: int) -> None:
        if self.group is not None:
            os.chown(path, -1, self.group)
        path.chmod(alone if self.group is None else together)

    def check(self, path: Path) -> None:
        """Believe a file or folder only if nobody but those who share the store can have made it.

        Raises:
            UntrustedError: it is a link or no file, belongs to somebody else, or others may reach it.
        """
        state = path.lstat()
        if not (stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)):
            raise UntrustedError("it holds what is neither file nor folder")
        if state.st_uid not in (os.getuid(), 0) and not self._is_member(state.st_uid):
            raise UntrustedError(f"user {state.st_uid} made it, who does not share this store")
        if state.st_mode & 0o007:
            raise UntrustedError("every user of this machine may reach it")
        if state.st_mode & 0o020 and state.st_gid != self.group:
            raise UntrustedError("another group may write to it")

    def _is_member(self, user: int) -> bool:
        if self.group is None:
            return False
        try:
            entry = pwd.getpwuid(user)
        except KeyError:
            return False
        return self.group in os.getgrouplist(entry.pw_name, entry.pw_gid)
