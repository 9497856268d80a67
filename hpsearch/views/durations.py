"""A duration as people say it."""

from __future__ import annotations


def spell(seconds: float | None) -> str:
    """Returns a duration in its two greatest units: `45s`, `1m 20s`, `2h 05m`, `3d 04h`."""
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02d}h"
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"
