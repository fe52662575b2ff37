"""Where a table comes from: one file, several, a pattern, standard input, an address in a network."""

from __future__ import annotations

import glob
import http.client
import re
import shutil
import socket
import ssl
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fitserve.errors import DataError, NotFoundError
from fitserve.names import nearest

_SILENCE_SECONDS, _MOST_FETCHED = 30, 4 << 30
_PIECE = 1 << 20


def is_location(source: Any) -> bool:
    """Whether a source is a path, a pattern or an address, or a list of such, and no table in memory."""
    if isinstance(source, (list, tuple)):
        return bool(source) and all(isinstance(each, (str, Path)) for each in source)
    return isinstance(source, (str, Path))


def is_address(source: object) -> bool:
    """Whether a source is an address in a network."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


@contextmanager
def local_files(source: str | Path | Sequence[str | Path], fetch: bool) -> Iterator[list[Path]]:
    """The files of a source, each one there; what comes by a stream is kept in a temporary file meanwhile.

    Raises NotFoundError or DataError, with the nearest name, for what is not there.
    """
    given = [source] if isinstance(source, (str, Path)) else list(source)
    folder = tempfile.mkdtemp(prefix="fitserve-") if any(map(_is_stream, given)) else ""
    try:
        found: list[Path] = []
        for i, each in enumerate(given):
            found += _files_of(str(each), fetch, Path(folder) / str(i))
        yield found
    except DataError as error:  # nobody knows the folder in which a stream is kept meanwhile
        raise type(error)(re.sub(rf"{re.escape(folder)}/\d+/", "", str(error))) from None
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def is_among(output: Path, source: str | Path | Sequence[str | Path]) -> bool:
    """Whether an output is one of the files that a source means."""
    given = [source] if isinstance(source, (str, Path)) else source
    local = [Path(each).expanduser() for each in given if not _is_stream(each)]
    files = [file for path in local if path.exists() or glob.has_magic(str(path)) for file in _there(path)]
    return output.exists() and any(output.samefile(file) for file in files)


def _is_stream(source: str | Path) -> bool:
    return source == "-" or is_address(source)


def _files_of(source: str, fetch: bool, place: Path) -> list[Path]:
    if source == "-":
        return [_from_standard_input(place / "standard input")]
    if is_address(source):
        if not fetch:
            raise DataError(f"{source} is an address in a network; add --fetch to have it read from there")
        return [_fetched(source, place / _last_part(source))]
    try:
        return _there(Path(source).expanduser())
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}; check the path") from None


def _there(path: Path) -> list[Path]:
    """The files that a path or a pattern means."""
    if not path.exists() and glob.has_magic(str(path)):
        matches = [match for match in sorted(Path(path.anchor).glob(_below_anchor(path))) if match.is_file()]
        if not matches:
            raise NotFoundError(f"no file matches {path}; check the pattern")
        return matches
    _check_path(path)
    return [path]


def _below_anchor(path: Path) -> str:
    return str(path.relative_to(path.anchor)) if path.anchor else str(path)


def _check_path(path: Path) -> None:
    if not path.exists():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, siblings)
        hint = f"; did you mean {path.parent / near}?" if near else "; check the path"
        raise NotFoundError(f"there is no file {path}{hint}")
    if not path.is_file():
        what = f"a folder; give its files, such as '{path}/*.csv'" if path.is_dir() else "no plain file; give a file"
        raise DataError(f"{path} is {what}")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty; give a table with a header and rows")


def _from_standard_input(place: Path) -> Path:
    place.parent.mkdir()
    with place.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, _PIECE)
    if not place.stat().st_size:
        raise DataError("nothing came on standard input; give a table with a header and rows")
    return place


def _last_part(address: str) -> str:
    """The file's name in an address: its ending may tell what it is."""
    name = urllib.parse.unquote(urllib.parse.urlsplit(address).path).rpartition("/")[2]
    return re.sub(r"[^\w.-]", "_", name)[-100:].lstrip(".") or "table"


def _why(error: Exception) -> str:
    """Why an address cannot be fetched."""
    reason = getattr(error, "reason", error)
    known = {
        socket.gaierror: "its host is not known",
        ConnectionRefusedError: "its host refuses connections",
        TimeoutError: f"nothing came for {_SILENCE_SECONDS} seconds",
        ssl.SSLError: "its certificate cannot be trusted, or it speaks no TLS",
        OSError: "the connection broke off",
    }
    return next((note for kind, note in known.items() if isinstance(reason, kind)), "it does not speak HTTP")


def _fetched(address: str, place: Path) -> Path:
    """Download an address; nothing is sent but the request for it."""
    place.parent.mkdir()
    request = urllib.request.Request(address, headers={"user-agent": "fitserve"})  # noqa: S310 - http(s) only
    try:
        with urllib.request.urlopen(request, timeout=_SILENCE_SECONDS) as answer, place.open("wb") as file:  # noqa: S310
            while piece := answer.read(_PIECE):
                file.write(piece)
                if file.tell() > _MOST_FETCHED:
                    raise DataError(f"{address} has more than {_MOST_FETCHED >> 30} GB; fetch it yourself")
    except urllib.error.HTTPError as error:
        raise DataError(f"{address} answers with the status {error.code}; check the address") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DataError(f"{address} cannot be fetched ({_why(error)}); check the address") from None
    if not place.stat().st_size:
        raise DataError(f"{address} is empty; give a table with a header and rows")
    return place
