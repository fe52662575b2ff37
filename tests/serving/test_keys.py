"""Who is answered where keys are asked for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

import fitserve

Start = Callable[..., AbstractContextManager[tuple[httpx.Client, subprocess.Popen[str]]]]
PROBES = ["/livez", "/readyz", "/ping", "/health"]


@pytest.fixture(scope="module")
def with_keys(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A copy of the workspace that has two keys."""
    folder = tmp_path_factory.mktemp("with-keys") / "workspace"
    shutil.copytree(workspace, folder)
    opened = fitserve.Workspace.open(folder)
    return folder, [opened.add_key(label)[1] for label in ("one", "two")]


@pytest.mark.parametrize("where", [["--require-key"], ["--host", "0.0.0.0"]])
def test_keys(start: Start, with_keys: tuple[Path, list[str]], where: list[str]) -> None:
    folder, keys = with_keys
    row = {"a": 1.0, "b": 1.0}
    with start("small", *where, folder=folder) as (client, _):
        for path in PROBES:
            assert client.get(path).status_code == 200
        wrong: list[dict[str, str]] = [
            {}, {"authorization": "Bearer"}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {keys[0]}"},
            {"authorization": keys[0]}, {"x-api-key": ""}, {"x-api-key": keys[0][:-1]}, {"x-api-key": keys[0].lower()},
            {"cookie": f"x-api-key={keys[0]}"},
        ]  # fmt: skip
        for headers in wrong:
            for response in (
                client.post("/predict", json=row, headers=headers),
                client.post("/predict", content=b"[" * 1000, headers=headers),
                client.get("/predict", headers=headers),
                client.get("/docs", headers=headers),
                client.get("/metrics", headers=headers),
                client.get("/nothing", headers=headers),
            ):
                assert response.status_code == 401
                assert response.headers["content-type"] == "application/problem+json"
                assert response.headers["www-authenticate"] == "Bearer"
                assert "fitserve keys create LABEL" in response.json()["detail"]
        for key in keys:
            right: list[dict[str, str]] = [
                {"authorization": f"Bearer {key}"}, {"authorization": f"bearer   {key}"}, {"x-api-key": key},
                {"authorization": "Bearer wrong", "X-API-Key": key},
            ]  # fmt: skip
            for headers in right:
                assert client.post("/predict", json=row, headers=headers).json()["warnings"] == []
                assert client.get("/docs", headers=headers).status_code == 200
        document = client.get("/openapi.json", headers={"x-api-key": keys[0]}).json()
        assert {each["type"] for each in document["components"]["securitySchemes"].values()} == {"http", "apiKey"}
        assert "401" in document["paths"]["/predict"]["post"]["responses"]
    assert not any(key in str(client.headers) for key in keys)
