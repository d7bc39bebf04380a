"""What a report is made of: HTML and SVG from figures and words. Everything that comes from outside is escaped here."""

from __future__ import annotations

import base64
import html
import math
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

import cv2
import numpy as np

from engine.data.colour import Picture
from engine.evaluation.metrics import wilson_interval
from engine.live.showing import small
from engine.messages import FailureText
from engine.project.records import Evaluation

THUMBNAIL = 112  # pixels
MOST_CLASSES = 30  # of a confusion matrix that is shown whole
MOST_CONFUSIONS = 40

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; color: #1d232a; background: #fff; margin: 0 auto; max-width: 920px;
  padding: 32px 24px; }
h1 { font-size: 28px; margin: 0; } h2 { font-size: 19px; margin: 36px 0 8px; border-bottom: 1px solid #d9dce0; padding-bottom: 4px; }
h3 { font-size: 15px; margin: 20px 0 6px; }
p { margin: 6px 0; } .muted, figcaption { color: #5a6470; }
.note { white-space: pre-wrap; border-left: 3px solid #e8a33d; padding-left: 12px; }
.figures { display: flex; flex-wrap: wrap; gap: 24px; margin: 16px 0; } .figures b { display: block; font-size: 22px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; margin: 8px 0; }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e6e9; }
th { color: #5a6470; font-weight: 500; }
.word { text-align: left; white-space: normal; overflow-wrap: anywhere; } tfoot td { font-weight: 600; }
.matrix td { border: 1px solid #fff; text-align: center; min-width: 22px; padding: 3px 4px; }
.matrix th { padding: 2px 6px; white-space: normal; max-width: 84px;
  overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } .failed { color: #b3261e; }
svg { max-width: 100%; height: auto; }
.cards { display: flex; flex-wrap: wrap; gap: 12px; } figure { margin: 0; width: 136px; }
figure img { width: 112px; height: 112px; object-fit: contain; background: #f1f2f3; image-rendering: pixelated; }
figcaption { font-size: 12px; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 20px; font-size: 13px; }
dt { color: #5a6470; } dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { padding: 0; max-width: none; font-size: 11pt; } h2 { break-after: avoid; } figure, tr, svg { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may do with the file: show what is in it, fetch nothing, run nothing."""


# ---------------------------------------------------------------- words


def text(words: str) -> str:
    """Words as HTML shows them, whatever they hold. Control characters become blanks, and halves of characters question marks."""
    plain = "".join(" " if sign in TURNING or (unicodedata.category(sign) == "Cc" and sign != "\n") else sign for sign in words)
    return html.escape(plain.encode("utf-8", "replace").decode(), quote=True)


def own(words: str) -> str:
    """A name of the user's: right-to-left letters in it turn nothing around it."""
    return f"<bdi>{text(words)}</bdi>"


def share(value: float | None) -> str:
    """A fraction as per cent."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f}\u202f%"


def duration(seconds: float) -> str:
    """A time in the two units that matter."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{seconds:.1f}\u202fs"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def date(created: str) -> str:
    """An ISO time in this computer's zone; as it stands where it is none."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return created


# ---------------------------------------------------------------- frame


def document(title: str, head_part: str, sections: Iterable[str]) -> str:
    """The whole file."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{own(title)}</h1>\n{head_part}\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def head(facts: Sequence[str], figures: Sequence[tuple[str, str]], note: str) -> str:
    """Below the title: facts in small, figures in large, the user's note."""
    large = "".join(f'<div><b>{text(value)}</b><span class="muted">{text(name)}</span></div>' for name, value in figures)
    words = f'<p class="note">{own(note)}</p>' if note else ""
    return f'<p class="muted">{text(" · ".join(facts))}</p><div class="figures">{large}</div>{words}'


def section(title: str, body: str) -> str:
    """A part under its title."""
    return f"<section><h2>{text(title)}</h2>\n{body}</section>"


def subsection(title: str, body: str) -> str:
    """A part of a part."""
    return f"<h3>{text(title)}</h3>{body}"


def paragraph(words: str) -> str:
    """Words of their own; nothing where there are none."""
    return f"<p>{text(words)}</p>" if words else ""


def failed(failure: FailureText) -> str:
    """What stands in the place of a part that could not be made."""
    return f'<p class="failed">This part could not be made. {text(failure.message)} {text(failure.remedy)}</p>'


def folded(title: str, body: str) -> str:
    """What one opens with a click; open in print where the browser does so."""
    return f"<details><summary>{text(title)}</summary>{body}</details>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1, total: Sequence[str] = ()) -> str:
    """A table whose first `words` columns are words and the others figures; all cells are escaped."""

    def line(cells: Sequence[str], tag: str) -> str:
        made = (
            f'<{tag} class="word">{own(cell)}</{tag}>' if place < words else f"<{tag}>{text(cell)}</{tag}>"
            for place, cell in enumerate(cells)
        )
        return f"<tr>{''.join(made)}</tr>"

    foot = f"<tfoot>{line(total, 'td')}</tfoot>" if total else ""
    body = "\n".join(line(row, "td") for row in rows)
    return f'<div class="scroll"><table><thead>{line(header, "th")}</thead><tbody>{body}</tbody>{foot}</table></div>'


def pairs(values: Iterable[tuple[str, str]]) -> str:
    """Names and what belongs to them."""
    return "<dl>" + "".join(f"<dt>{text(name)}</dt><dd>{own(value)}</dd>" for name, value in values) + "</dl>"


def cards(inside: Sequence[str]) -> str:
    """Cards side by side."""
    return f'<div class="cards">{"".join(inside)}</div>'


def card(picture: str, caption: str) -> str:
    """A picture, made by `thumbnail` or `failed`, and words below."""
    return f"<figure>{picture}<figcaption>{own(caption)}</figcaption></figure>"


def thumbnail(picture: Picture) -> str:
    """A picture, uint8 [height, width, 1 or 3], as a small JPEG within the file."""
    shown = small(picture, THUMBNAIL)
    fine, data = cv2.imencode(".jpg", np.ascontiguousarray(shown[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not fine:
        raise ValueError("the picture could not be written as JPEG")
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}">'


# ---------------------------------------------------------------- of an evaluation


def confusion(names: Sequence[str], matrix: np.ndarray) -> str:
    """The matrix, rows the true class; of many classes the most frequent confusions instead."""
    if len(names) > MOST_CLASSES:
        off = matrix * (1 - np.eye(len(names), dtype=np.int64))
        order = np.argsort(-off, axis=None, kind="stable")[:MOST_CONFUSIONS]
        places = [divmod(int(place), len(names)) for place in order if off.flat[place]]
        rows = [
            (names[true], names[said], f"{matrix[true, said]:,}", share(matrix[true, said] / matrix[true].sum())) for true, said in places
        ]
        return subsection("Most frequent confusions", table(("Class", "Said", "Pictures", "Of the class"), rows, words=2))
    head_row = "".join(f"<th>{own(name)}</th>" for name in names)
    lines: list[str] = []
    for name, row in zip(names, matrix, strict=True):
        cells = "".join(_cell(int(value), int(row.sum()), place == len(lines)) for place, value in enumerate(row))
        lines.append(f'<tr><th class="word">{own(name)}</th>{cells}</tr>')
    body = f'<div class="scroll"><table class="matrix"><tr><th></th>{head_row}</tr>{"".join(lines)}</table></div>'
    return subsection("Confusion: rows are the true class, columns what the run said", body)


def _cell(value: int, total: int, right: bool) -> str:
    part = value / total if total else 0.0
    tone = "0, 114, 178" if right else "213, 94, 0"
    strength = 0.0 if not value else 0.12 + 0.6 * part
    return f'<td style="background: rgba({tone}, {strength:.2f})">{value or ""}</td>'


def classes(found: Evaluation) -> str:
    """A table of recall and precision by class, each with its 95 % interval."""
    hits, said = np.diag(found.confusion).tolist(), found.confusion.sum(axis=0).tolist()
    rows = []
    for place, name in enumerate(found.classes):
        recall = _with_interval(found.recall[place], hits[place], found.support[place])
        precision = _with_interval(found.precision[place], hits[place], said[place])
        rows.append((name, f"{found.support[place]:,}", *recall, *precision, share(found.f1[place])))
    header = ("Class", "Pictures", "Recall", "95 %", "Precision", "95 %", "F1")
    return subsection("By class", table(header, rows))


def _with_interval(value: float | None, right: int, total: int) -> tuple[str, str]:
    if value is None:
        return "–", ""
    low, high = wilson_interval(right, total)
    return share(value), f"{share(low)} – {share(high)}"
