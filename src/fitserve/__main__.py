"""``python -m fitserve``."""

from fitserve.cli import main

main()
