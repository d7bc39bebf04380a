"""Numbers and shares as they are typed in fields, and back. No Qt."""

from __future__ import annotations

import re


def number_of(text: str, whole: bool) -> float | int:
    """What was typed as a number; a comma may stand for the point, or in whole numbers between thousands.

    Raises
    ------
    ValueError
        One sentence.
    """
    if whole and re.fullmatch(r"\d{1,3}(,\d{3})+", text.strip()):
        text = text.replace(",", "")
    cleaned = text.strip().replace(" ", "").replace("\u202f", "").replace(",", ".")
    try:
        return int(cleaned) if whole else float(cleaned)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f'"{text.strip()}" is not {kind}.') from None


def share_of(text: str) -> float:
    """A share as typed: "95", "95 %" or "0.95"; without a sign, numbers up to 1 are shares.

    Raises
    ------
    ValueError
        One sentence.
    """
    number = float(number_of(text.replace("%", ""), whole=False))
    share = round(number / 100, 12) if "%" in text or number > 1 else number
    if not 0 <= share <= 1:
        raise ValueError(f'"{text.strip()}" is not between 0 and 100 %.')
    return share


def share_words(value: float) -> str:
    """A share in per cent."""
    return f"{100 * value:.10g}\u202f%" if value else "0"


def words_for(value: float | int | tuple[str, ...] | None) -> str:
    """A value as it is typed; empty where nothing is set."""
    if isinstance(value, tuple):
        return ", ".join(value)
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
