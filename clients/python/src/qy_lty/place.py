"""Where a client stands in its user's log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

REMEMBERED: Final = 256
"""So many `message_id`s are remembered. A server has 64 messages in flight at most."""


class Place:
    """The epoch, the message handled last, and the ids of those before. Small, and written as a whole."""

    def __init__(
        self, epoch: str | None = None, seq: int = 0, last: str | None = None, seen: Iterable[str] = ()
    ) -> None:
        self.epoch = epoch
        self.seq = seq
        self.last = last
        # A dictionary for its order: the oldest id goes first.
        self._seen = dict.fromkeys(seen)

    def has(self, message_id: str) -> bool:
        """Tell whether a message was handled, as far as is remembered."""
        return message_id in self._seen

    def handled(self, epoch: str | None, seq: int | None, message_id: str) -> None:
        """Note that a message was handled, and stand there if it is of this epoch and further on."""
        self._seen.pop(message_id, None)
        self._seen[message_id] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if seq is not None and epoch == self.epoch and seq > self.seq:
            self.seq, self.last = seq, message_id

    def reset(self, epoch: str | None) -> None:
        """Begin a new epoch. What was seen stays known: it may come again."""
        self.epoch, self.seq, self.last = epoch, 0, None

    def to_json(self) -> dict[str, Any]:
        """Return it as what `json.dumps` takes."""
        return {"epoch": self.epoch, "seq": self.seq, "last": self.last, "seen": list(self._seen)}

    @classmethod
    def from_json(cls, value: object) -> Place:
        """Read what `to_json` wrote. Raises ValueError when it is something else."""
        if not isinstance(value, Mapping):
            raise ValueError("not an object")
        epoch, seq, last, seen = (value.get(name) for name in ("epoch", "seq", "last", "seen"))
        texts = [epoch, last, *(seen if isinstance(seen, list) else [0])]
        if isinstance(seq, bool) or not isinstance(seq, int) or seq < 0:
            raise ValueError("`seq` is no whole number")
        if not all(text is None or isinstance(text, str) for text in texts):
            raise ValueError("`epoch`, `last` or `seen` holds no text")
        return cls(epoch, seq, last, [text for text in texts[2:] if text is not None])

    def copy(self) -> Place:
        """Return one of its own."""
        return Place(self.epoch, self.seq, self.last, self._seen)
