"""Numbers as people read them."""

from __future__ import annotations

from hpsearch.spec.job import Scalar


def metric(value: float | None) -> str:
    """Returns an objective's value with four decimals, or four digits where those say little."""
    if value is None:
        return "-"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def setting(value: Scalar) -> str:
    """Returns a parameter's value as the study file would say it, floats with three digits."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def size(count: float) -> str:
    """Returns a number of bytes in the unit that suits it: `930 B`, `1.2 MB`, `40 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.2g} {unit}" if count < 9.95 else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
