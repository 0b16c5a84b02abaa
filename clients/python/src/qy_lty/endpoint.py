"""From what a program gives to what is dialled."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

ENDPOINT = "/ws/device/"
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Endpoint:
    """The address of a gateway, and who the client says it is.

    `url` is a base (`ws://host:8000`, `https://host`); `/ws/device/` is added where it has no path. Raises ValueError,
    whose text never holds what may be a credential, when something cannot be right.
    """

    def __init__(
        self,
        url: str,
        *,
        role: str | None = None,
        device: int | str | None = None,
        client_id: str | None = None,
        caps: Sequence[str] = (),
    ) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("the url cannot be read") from None
        scheme = _SCHEMES.get(parts.scheme.lower())
        if scheme is None or not host:
            raise ValueError("the url has to look like ws://host:8000 or https://host")
        if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
            raise ValueError("client_id has to be 1 to 64 letters, digits, `_` or `-`")
        if role not in (None, "app", "device"):
            raise ValueError("role has to be app or device")
        path = parts.path if parts.path not in ("", "/") else ENDPOINT
        said = {"role": role, "device": device, "client_id": client_id, "caps": ",".join(caps) or None}
        self._query = [
            *parse_qsl(parts.query, keep_blank_values=True),
            *((name, str(value)) for name, value in said.items() if value is not None),
        ]
        self._base = (scheme, parts.netloc, path)
        shown_host = f"[{host}]" if ":" in host else host
        self.shown = f"{scheme}://{shown_host}" + (f":{port}" if port is not None else "")
        """Scheme, host and port: what may stand in a log."""

    def at(self, place: Mapping[str, str | int]) -> str:
        """Return the address to dial, with where the client stands."""
        query = urlencode([*self._query, *place.items()])
        return urlunsplit((*self._base, query, ""))
