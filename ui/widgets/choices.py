"""Names to choose among: a box of Streamlit's knows its choices by what they show."""

from __future__ import annotations


def told_apart(names: dict[str, str]) -> dict[str, str]:
    """Names by id, with a number behind those that an older project has already: a box knows its choices by them."""
    told: dict[str, str] = {}
    for key in sorted(names):  # ids grow with time
        name, n = names[key], 1
        while name in told.values():
            n += 1
            name = f"{names[key]} ({n})"
        told[key] = name
    return {key: told[key] for key in names}
