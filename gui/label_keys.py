"""Which number key labels with which class: position, except where the classes are named by digits themselves."""

from __future__ import annotations

from engine.project.records import ClassRecord

NO_CLASS = -1


def _named_by_digits(classes: tuple[ClassRecord, ...]) -> bool:
    return bool(classes) and all(len(record.name) == 1 and record.name in "0123456789" for record in classes)


def class_for_key(classes: tuple[ClassRecord, ...], digit: int) -> int | None:
    """Index of the class that a number key gives.

    Where all classes are named by one digit the key gives the class of that name, so that 3 labels "3". Elsewhere 1 gives the first
    class, 2 the second, and 0 takes the label away.

    Returns
    -------
    int or None
        NO_CLASS to take the label away; None where the key means nothing.

    Examples
    --------
    >>> class_for_key((ClassRecord(7, "cat", ""), ClassRecord(8, "dog", "")), 2)
    1
    >>> class_for_key((ClassRecord(7, "0", ""), ClassRecord(8, "1", "")), 1)
    1
    """
    if _named_by_digits(classes):
        return next((at for at, record in enumerate(classes) if record.name == str(digit)), NO_CLASS if digit == 0 else None)
    if digit == 0:
        return NO_CLASS
    return digit - 1 if digit <= len(classes) else None


def key_of(classes: tuple[ClassRecord, ...], index: int) -> str:
    """The key of a class, or of no class (NO_CLASS); "" where there is none.

    Examples
    --------
    >>> key_of((ClassRecord(7, "cat", ""),), 0), key_of((ClassRecord(7, "3", ""),), 0), key_of((ClassRecord(7, "cat", ""),), NO_CLASS)
    ('1', '3', '0')
    """
    return next((str(digit) for digit in range(10) if class_for_key(classes, digit) == index), "")
