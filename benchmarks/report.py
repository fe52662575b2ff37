"""How benchmarks print their figures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A figure and what it should reach; ``way`` is "at least" or "at most"."""

    name: str
    value: float
    bar: float
    way: str

    @property
    def reached(self) -> bool:
        """Whether the figure is on the right side of the bar."""
        return self.value >= self.bar if self.way == "at least" else self.value <= self.bar


def show(*bars: Bar) -> None:
    """Print figures beside their bars."""
    for bar in bars:
        verdict = "reached" if bar.reached else "MISSED"
        print(f"{verdict:7}  {bar.name}: {bar.value:.4g} ({bar.way} {bar.bar:g})", flush=True)
