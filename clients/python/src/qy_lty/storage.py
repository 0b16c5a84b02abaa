"""Where a client keeps its place, so that a restart of the program handles nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Protocol

from .place import Place

logger = logging.getLogger("qy_lty")


class Storage(Protocol):
    """Keeps one client's place. Give each client one of its own: a place says what *that* client has handled."""

    async def load(self) -> Place | None:
        """Return what was saved last, or None when nothing was."""

    async def save(self, place: Place) -> None:
        """Keep it as one write: a crash leaves the old place or the new one. Called before each acknowledgement."""


class MemoryStorage:
    """Keeps the place for as long as the object lives. A new process goes on from where the server has it."""

    def __init__(self) -> None:
        self._place: Place | None = None

    async def load(self) -> Place | None:
        """Return a copy of what was saved last."""
        return self._place.copy() if self._place is not None else None

    async def save(self, place: Place) -> None:
        """Keep a copy."""
        self._place = place.copy()


class FileStorage:
    """Keeps the place in a file, which is replaced as a whole.

    With `sync` (the default) each write reaches the disk before the message is acknowledged, so that it outlives a loss
    of power; without, only the end of the process. A file that holds no place is taken for none, with a warning.
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: bool = True) -> None:
        self.path = Path(path)
        self._sync = sync

    async def load(self) -> Place | None:
        """Read the file. Raises OSError when it is there and cannot be read."""
        return await asyncio.to_thread(self._load)

    async def save(self, place: Place) -> None:
        """Replace the file. Raises OSError; the old one is still there then."""
        await asyncio.to_thread(self._save, json.dumps(place.to_json()))

    def _load(self) -> Place | None:
        try:
            return Place.from_json(json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            return None
        except ValueError as error:
            logger.warning("%s holds no place of a client and is not used: %s", self.path, error)
            return None

    def _save(self, text: str) -> None:
        handle, part = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                if self._sync:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(part, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        if self._sync:
            self._sync_folder()

    def _sync_folder(self) -> None:
        # The new name has to reach the disk too. Windows cannot open a folder, and needs no such thing.
        if os.name != "posix":
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
