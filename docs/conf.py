"""Configuration of Sphinx. The generated part of the reference is written before anything is read."""

import runpy
from importlib.metadata import version as version_of
from pathlib import Path

runpy.run_path(str(Path(__file__).with_name("generate_reference.py")), run_name="__main__")

project = "fitserve"
version = release = version_of("fitserve")
extensions = ["myst_parser"]
exclude_patterns = ["_build", "reference/generated"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"fitserve {release}"
html_show_copyright = False
