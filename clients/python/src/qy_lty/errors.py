"""What can go wrong. Every error has a `code` for programs and one line for people; none holds a credential."""

from __future__ import annotations

from typing import Any, ClassVar

from .tables import STOPS


class LtyError(Exception):
    """The base of all errors of this package."""

    code: str
    """For a program: a row of the server's error table, or one of this client's own, which each class names."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RequestFailed(LtyError):
    """The server answered a request with an error."""

    def __init__(self, frame: dict[str, Any]) -> None:
        super().__init__(str(frame.get("code", "ERROR")), one_line(frame.get("message", "the request failed")))
        self.frame = frame
        """The `error` frame."""

    @property
    def retry_after_ms(self) -> int | None:
        """When to try again, milliseconds from then; None where the server did not say."""
        value = self.frame.get("retry_after_ms")
        return value if isinstance(value, int) else None


class RequestTimedOut(LtyError, TimeoutError):
    """No reply came in time; `code` is `TIMEOUT`. The server may have done what was asked."""

    def __init__(self, type: str) -> None:
        super().__init__("TIMEOUT", f"no reply to {type!r} in time")


class OutboxFull(LtyError):
    """Too much waits to be sent; `code` is `OUTBOX_FULL`. Nothing of this frame was sent."""

    def __init__(self, limit: int) -> None:
        super().__init__("OUTBOX_FULL", f"{limit} frames wait to be sent already")


class NotConnected(LtyError, TimeoutError):
    """`connect` gave up waiting; `code` is `NOT_CONNECTED`. The text says what the last attempt met."""

    def __init__(self, timeout_s: float, why: str) -> None:
        super().__init__("NOT_CONNECTED", f"not connected after {timeout_s:g} s: {why}")


class ClientClosed(LtyError):
    """The client was closed by the program; `code` is `CLOSED`."""

    def __init__(self) -> None:
        super().__init__("CLOSED", "the client is closed")


class Stopped(LtyError):
    """The server ended the connection in a way that coming back would not mend. A subclass for each close code.

    `code` is that of the error frame before the close, or the close's own.
    """

    close_code: int
    """The WebSocket close code."""

    _default_code: ClassVar[str] = "STOPPED"

    def __init__(self, close_code: int, reason: str = "", frame: dict[str, Any] | None = None) -> None:
        code = str(frame["code"]) if frame is not None and frame.get("code") else self._default_code
        said = one_line(frame.get("message", "")) if frame is not None else ""
        text = said or one_line(reason) or STOPS.get(close_code, "closed")
        super().__init__(code, f"{text} (close {close_code})")
        self.close_code = close_code


class ClosedByAdministrator(Stopped):
    """1000: an administrator closed the connection; `code` is `CLOSED_BY_ADMINISTRATOR`."""

    _default_code = "CLOSED_BY_ADMINISTRATOR"


class FrameTooBig(Stopped):
    """1009: a frame of ours was over 64 KiB; `code` is `FRAME_TOO_BIG`."""

    _default_code = "FRAME_TOO_BIG"


class Unauthenticated(Stopped):
    """4001: no credential, or an unknown, expired or revoked one; `code` is `UNAUTHENTICATED`."""

    _default_code = "UNAUTHENTICATED"


class NoDevice(Stopped):
    """4002: the user has no primary device and the server asks for one; `code` is `NO_DEVICE`."""

    _default_code = "NO_DEVICE"


class Forbidden(Stopped):
    """4003: the credential is not allowed here; `code` is `FORBIDDEN`."""

    _default_code = "FORBIDDEN"


class Replaced(Stopped):
    """4009: a newer connection of the same device took over; `code` is `REPLACED`."""

    _default_code = "REPLACED"


class Revoked(Stopped):
    """4010: the credential was revoked, or its user disabled; `code` is `REVOKED`."""

    _default_code = "REVOKED"


_CLASSES: dict[int, type[Stopped]] = {
    1000: ClosedByAdministrator,
    1009: FrameTooBig,
    4001: Unauthenticated,
    4002: NoDevice,
    4003: Forbidden,
    4009: Replaced,
    4010: Revoked,
}


def stopped(close_code: int, reason: str, frame: dict[str, Any] | None) -> Stopped:
    """Make the error of a close code of `STOPS`."""
    return _CLASSES.get(close_code, Stopped)(close_code, reason, frame)


def one_line(text: object) -> str:
    """Make `text` fit for one line of a terminal or a log, 300 characters at most."""
    return "".join(c if c.isprintable() else " " for c in str(text)).strip()[:300]
