"""Tables of text: which letters, which delimiter, which columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.data.sources.names import PICTURE_ENDINGS
from engine.failure import UserError

DELIMITERS = ",;\t|"
SAMPLE = 20  # lines by which the delimiter is judged
BYTE_LIMIT = 2_000_000_000
FIELD_LIMIT = 1_000_000
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Spreadsheet(msgspec.Struct, frozen=True):
    """A table: its file's name, its lines, its delimiter. `first`: its first line, cells without blanks around them."""

    name: str
    text: str
    delimiter: str
    first: tuple[str, ...]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Lines by number, from 1, as cells without blanks around them; empty lines are passed over.

        Raises
        ------
        UserError
            If a line is damaged.
        """
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter, skipinitialspace=True, strict=True)
        try:
            for row in reader:
                if any(row):
                    yield reader.line_num, [cell.strip() for cell in row]
        except csv.Error as error:
            raise UserError(f"{self.name} is damaged in line {reader.line_num:,} ({error}).", "Save the table anew as CSV.") from None


def load(path: Path) -> Spreadsheet:
    """A table of text, in UTF-8, UTF-16 or, where it is neither, in the letters of western Windows.

    Raises
    ------
    UserError
        If it is empty or no text.
    """
    if path.stat().st_size > BYTE_LIMIT:
        raise UserError(f"{path.name} has more than {BYTE_LIMIT // 10**9} GB.", "Divide it.")
    csv.field_size_limit(FIELD_LIMIT)
    text = _text(path.read_bytes(), path.name)
    lines = [line for line in text[:200_000].splitlines() if line.strip()][:SAMPLE]
    if not lines:
        raise UserError(f"{path.name} is empty.", "Choose a table with the columns file and label.")
    delimiter = max(DELIMITERS, key=lambda letter: _agreement(lines, letter))
    first = next(csv.reader(lines[:1], delimiter=delimiter, skipinitialspace=True))
    return Spreadsheet(path.name, text, delimiter, tuple(cell.strip() for cell in first))


def names_picture(cell: str) -> bool:
    """Whether a cell ends as the name of a picture does."""
    return cell.rpartition(".")[2].casefold() in PICTURE_ENDINGS and "." in cell


def _text(data: bytes, name: str) -> str:
    encoding = next((encoding for mark, encoding in MARKS if data.startswith(mark)), "")
    if not encoding and b"\0" in data[:200]:  # UTF-16 without a mark: every other byte of plain letters is zero
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    for guess in [encoding] if encoding else ["utf-8", "cp1252", "latin-1"]:
        try:
            text = data.decode(guess)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UserError(f"{name} is not a table of text.", "Save it as CSV in UTF-8.")


def _agreement(lines: list[str], delimiter: str) -> tuple[float, int]:
    """The share of lines that have as many cells as the first, if more than one; then, the number of cells."""
    try:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 0.0, 0
    if not counts or counts[0] < 2:
        return 0.0, 0
    return counts.count(counts[0]) / len(counts), counts[0]
