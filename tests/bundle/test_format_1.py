"""Bundles of format 1 are converted, and answer as they did: the same answers, the same bits."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import orjson
import pytest

from fitserve.bundle.archive import unpack
from fitserve.errors import BundleError
from fitserve.prediction import Predictor, load

BEFORE = sorted((Path(__file__).parent / "format-1").glob("*.zip"))


def opened(archive: Path, folder: Path) -> Predictor:
    folder.mkdir()
    unpack(archive, folder)
    return load(folder)


@pytest.mark.parametrize("archive", BEFORE, ids=lambda path: path.stem)
def test_an_exported_bundle_is_converted_and_answers_the_same_bits(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="convert it: fitserve models migrate"):
        opened(archive, tmp_path / "before")
    output = tmp_path / "after.zip"
    command = [sys.executable, "-m", "fitserve", "--workspace", str(tmp_path / "w"), "models", "migrate"]
    subprocess.run([*command, str(archive), "--output", str(output)], check=True, capture_output=True)
    known = orjson.loads(archive.with_suffix(".json").read_bytes())
    predictor = opened(output, tmp_path / "after")
    with zipfile.ZipFile(archive) as before:
        old = hashlib.sha256(before.read("manifest.json")).hexdigest()
    assert predictor.manifest.sections["origin"]["migrated_from"] == old
    raw = [predictor.session.run(predictor.encoder.rows([row], [])).tobytes().hex() for row in known["rows"]]
    assert raw == known["raw"]
    together = predictor.session.run(predictor.encoder.rows(known["rows"], []))
    assert [row.tobytes().hex() for row in together] == known["raw"]
    assert orjson.loads(orjson.dumps(predictor.predict(known["rows"]))) == known["answers"]
