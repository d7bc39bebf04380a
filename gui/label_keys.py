"""Which key labels with which class.

A number labels by position, except where the classes are named by digits themselves; a letter by the user's choice.
"""

from __future__ import annotations

from engine.project.records import ClassRecord

NO_CLASS = -1

RESERVED = {"f": "flag", "s": "skip", "n": "note", "l": "find a class", "g": "suggest labels"}
"""Letters that do something on the Data page, and what."""


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


def keys_of(classes: tuple[ClassRecord, ...], index: int) -> str:
    """The letter and the number that label with a class, those that there are, the letter first.

    Examples
    --------
    >>> keys_of((ClassRecord(7, "cat", "", "c"), ClassRecord(8, "dog", "")), 0)
    'c1'
    """
    return (classes[index].key if index >= 0 else "") + key_of(classes, index)


def class_for_letter(classes: tuple[ClassRecord, ...], letter: str) -> ClassRecord | None:
    """The class that a letter labels with, in either case; letters that do something else on the page label nothing.

    Examples
    --------
    >>> class_for_letter((ClassRecord(7, "cat", "", "c"),), "C").name
    'cat'
    """
    wanted = letter.casefold()
    if wanted in RESERVED:
        return None
    return next((record for record in classes if record.key and record.key.casefold() == wanted), None)


def can_be_key(letter: str) -> bool:
    """Whether a class may have this as its key: one letter, and none that does something else on the page.

    Examples
    --------
    >>> can_be_key("c"), can_be_key("f"), can_be_key("7"), can_be_key("ж")
    (True, False, False, True)
    """
    return len(letter) == 1 and letter.isalpha() and letter.casefold() not in RESERVED
