"""Who is answered: requests that carry one of the keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fitserve.serving.problems import HttpProblem
from fitserve.serving.routes import Headers


@dataclass(slots=True)
class Access:
    """``keys`` holds SHA-256 of the keys, None means that nobody needs one. They may change while requests come."""

    keys: frozenset[str] | None = None

    def check(self, headers: Headers) -> None:
        """Raise HttpProblem with 401 unless the request needs no key or has one."""
        keys = self.keys
        if keys is None:
            return
        for name, value in headers:
            if name == b"authorization" and value[:7].lower() == b"bearer ":
                key = value[7:].strip()
            elif name == b"x-api-key":
                key = value.strip()
            else:
                continue
            # Comparing hashes of 256 random bits leaks nothing that could help to guess a key.
            if hashlib.sha256(key).hexdigest() in keys:
                return
        raise HttpProblem(
            401,
            "send a key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'; 'fitserve keys create LABEL' makes one",
            headers=((b"www-authenticate", b"Bearer"),),
        )
