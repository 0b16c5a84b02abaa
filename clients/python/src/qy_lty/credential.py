"""Where the credential comes from."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from .transport import ConnectionFailed

Token = str | Callable[[], str | Awaitable[str]]
"""A credential, or what gives one: it is called before each connection, and may be a coroutine function."""


class TokenSource:
    """Gives a token for each connection. Raises ValueError for one that cannot be right."""

    def __init__(self, token: Token) -> None:
        self._token = token if callable(token) else _checked(token)

    @property
    def renews(self) -> bool:
        """Whether another call may give another token."""
        return callable(self._token)

    async def fresh(self) -> str:
        """Return the token to connect with. Raises ConnectionFailed when the function fails."""
        if not callable(self._token):
            return self._token
        try:
            given = self._token()
            return _checked(await given if inspect.isawaitable(given) else given)
        except Exception as error:
            # Its text may hold the token.
            raise ConnectionFailed(f"no token: {type(error).__name__}") from None


def _checked(token: object) -> str:
    """Return the token. Raises ValueError, which does not show it, when it cannot stand in a header."""
    if not isinstance(token, str) or not token or not all("!" <= c <= "~" for c in token):
        raise ValueError("the token has to be a text of visible ASCII characters")
    return token
