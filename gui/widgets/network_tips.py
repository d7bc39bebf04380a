"""What is told of a layer or container when one points at it in the drawing."""

from __future__ import annotations

from gui.widgets.network_outline import Node, Outline
from gui.widgets.network_words import container_word, size_text, tip_of_container, tip_of_row, tr


def tip_of(outline: Outline, name: str) -> str:
    """All that is known of a layer or container, a line each; why it is wrong comes first."""
    lines = []
    error = outline.error
    node = outline.find(name)
    if error is not None and error.layer and (error.layer == name or error.layer.startswith(name + ".")):
        lines.append(str(error))
    if node is None:
        return "\n".join([*lines, name])
    if node.form == "layer":
        lines.append(
            tip_of_row(node.row) if node.row is not None else f"{name}: {tr('not worked out, for the signal does not come so far')}"
        )
        return "\n".join(lines)
    lines.append(_of_container(outline, node))
    if node.row is not None:
        lines.append(tip_of_row(node.row))
    return "\n".join(lines)


def _of_container(outline: Outline, node: Node) -> str:
    rows = tuple(leaf.row for leaf in outline.leaves(node) if leaf.row is not None)
    first, last = outline.entering(node), outline.output(node)
    entering = size_text(first.input, first.input_form) if first is not None else ""
    leaving = size_text(last.output, last.form) if last is not None else ""
    return tip_of_container(node.name, container_word(node.form), rows, outline.size(node), entering, leaving)
