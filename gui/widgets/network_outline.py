"""A network as what its drawing shows: layers, and containers that can be opened. From the tree, or from names of rows alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from engine.networks.arithmetic import LayerRow, NetworkError
from engine.networks.layers import Auxiliary, Branches, Layer, Network, Residual, Sequence, Shape
from gui.widgets.network_words import is_quiet, shortened

MOST_BLOCKS = 40
"""Blocks that show at first, about."""

Form = Literal["layer", "chain", "sum", "join", "head"]


class Node(msgspec.Struct, frozen=True, eq=False):
    """A layer or a container.

    Attributes
    ----------
    name : str
        Dotted.
    form : {"layer", "chain", "sum", "join", "head"}
        Chain: layers one after the other; sum: a residual; join: branches; head: an auxiliary head.
    layer : Layer or None
        Its record; None in a network that is known by its rows alone.
    row : LayerRow or None
        Its own arithmetic; None for chains and heads, and for what the signal does not reach.
    """

    name: str
    form: Form
    layer: Layer | None = None
    row: LayerRow | None = None

    @property
    def title(self) -> str:
        return shortened(self.name.rpartition(".")[2])

    @property
    def quiet(self) -> bool:
        """Whether it is a note on what comes before."""
        return self.form == "layer" and is_quiet(self.row, self.layer)


class Part(msgspec.Struct, frozen=True, eq=False):
    """Layers one after the other within a container: `container` is "" for the body, "block1.shortcut", "mixed.branch2"."""

    container: str
    nodes: tuple[Node, ...]


class Outline:
    """A network's nodes, made as they are asked for: of a closed container nothing but its end is looked at.

    Parameters
    ----------
    network : Network or None
        None: the dotted names of the rows group them.
    rows : tuple of LayerRow
        As far as they are known.
    error : NetworkError or None
        Why there are no more.
    """

    def __init__(self, network: Network | None, rows: tuple[LayerRow, ...], error: NetworkError | None = None) -> None:
        self.network = network
        self.rows = rows
        self.error = error
        self._numbers = {row.name: number for number, row in enumerate(rows)}
        self._parts: dict[str, tuple[Part, ...]] = {}
        self._groups = {} if network is not None else _grouped(rows)

    # ------------------------------------------------------------ contents

    @property
    def input(self) -> Shape:
        """The picture's shape; (0, 0, 0) where nothing is known."""
        if self.network is not None:
            return self.network.input
        return self.rows[0].input if self.rows else (0, 0, 0)

    def body(self) -> Part:
        """The outermost layers."""
        if "" not in self._parts:
            if self.network is not None:
                self._parts[""] = (Part("", tuple(self._node(layer.name, layer) for layer in self.network.body.layers)),)
            else:
                self._parts[""] = (Part("", self._group_nodes("")),)
        return self._parts[""][0]

    def parts(self, node: Node) -> tuple[Part, ...]:
        """What is within a container: one part for a chain or head, body and shortcut of a residual, one a branch."""
        if node.name not in self._parts or node.form == "layer":
            if node.form == "layer":
                return ()
            self._parts[node.name] = tuple(self._made(node))
        return self._parts[node.name]

    def _made(self, node: Node) -> Iterator[Part]:
        layer, name = node.layer, node.name
        if isinstance(layer, Sequence | Auxiliary):
            yield self._part(name, layer.layers)
        elif isinstance(layer, Residual):
            yield self._part(f"{name}.body", layer.body)
            yield self._part(f"{name}.shortcut", layer.shortcut)
        elif isinstance(layer, Branches):
            for branch in layer.branches:
                yield self._part(f"{name}.{branch.name}", branch.layers)
        else:
            yield Part(name, self._group_nodes(name))

    def _part(self, container: str, layers: tuple[Layer, ...]) -> Part:
        return Part(container, tuple(self._node(f"{container}.{layer.name}", layer) for layer in layers))

    def _node(self, name: str, layer: Layer) -> Node:
        if isinstance(layer, Sequence):
            return Node(name, "chain", layer)
        if isinstance(layer, Auxiliary):
            return Node(name, "head", layer)
        form: Form = "sum" if isinstance(layer, Residual) else "join" if isinstance(layer, Branches) else "layer"
        return Node(name, form, layer, self.row(name))

    def _group_nodes(self, name: str) -> tuple[Node, ...]:
        return tuple(
            Node(inner, "chain") if inner in self._groups and inner != name else Node(inner, "layer", None, self.row(inner))
            for inner in self._groups.get(name, ())
        )

    def row(self, name: str) -> LayerRow | None:
        """The arithmetic of a layer, where it is known."""
        number = self._numbers.get(name)
        return None if number is None else self.rows[number]

    # ------------------------------------------------------------ questions

    def leaves(self, node: Node) -> Iterator[Node]:
        """All layers within a node that contain no others."""
        waiting = [node]
        while waiting:
            current = waiting.pop()
            if current.form == "layer":
                yield current
            else:
                waiting.extend(inner for part in self.parts(current) for inner in part.nodes)

    def size(self, node: Node) -> int:
        """Number of layers within a node, without making the nodes of a tree."""
        if node.layer is None:
            return sum(1 for _ in self.leaves(node))
        waiting: list[Layer] = [node.layer]
        number = 0
        while waiting:
            layer = waiting.pop()
            if isinstance(layer, Sequence | Auxiliary):
                waiting.extend(layer.layers)
            elif isinstance(layer, Residual):
                waiting.extend(layer.body)
                waiting.extend(layer.shortcut)
            elif isinstance(layer, Branches):
                waiting.extend(layer.branches)
            else:
                number += 1
        return number

    def output(self, node: Node) -> LayerRow | None:
        """The row in which a node ends; None where the signal does not come so far, and for a chain without layers."""
        while node.form in ("chain", "head"):
            nodes = [inner for inner in self.parts(node)[0].nodes if inner.form != "head"]
            if not nodes:
                return None
            node = nodes[-1]
        return node.row

    def entering(self, node: Node) -> LayerRow | None:
        """The first row within a node."""
        while node.form != "layer":
            nodes = next((part.nodes for part in self.parts(node) if part.nodes), ())
            if not nodes:
                return node.row
            node = nodes[0]
        return node.row

    def wrong(self, name: str, closed: bool = False) -> bool:
        """Whether the error is in this layer; of a closed container: in it or within it."""
        if self.error is None or not self.error.layer:
            return False
        return self.error.layer == name or (closed and self.error.layer.startswith(name + "."))

    def links(self, part: Part) -> tuple[tuple[int, ...], ...]:
        """For each node of a part, the numbers of those in it that feed it: the one before, unless rows say otherwise."""
        chain = tuple((number - 1,) if number else () for number in range(len(part.nodes)))
        if self.network is not None or not any(row.sources for row in self.rows):
            return chain
        home: dict[int, int] = {}
        inside = [[self._numbers[leaf.name] for leaf in self.leaves(node)] for node in part.nodes]
        for number, rows in enumerate(inside):
            home.update(dict.fromkeys(rows, number))
        found = []
        for number, rows in enumerate(inside):
            sources = {home[source] for row in rows for source in self.rows[row].sources if source in home}
            found.append(tuple(sorted(source for source in sources if source < number)))
        return tuple(found)

    def fused(self, node: Node) -> Node | None:
        """The residual or the branches that a chain consists of, but for quiet layers: both open and close as one."""
        if node.form != "chain":
            return None
        loud = [inner for inner in self.parts(node)[0].nodes if not inner.quiet]
        return loud[0] if len(loud) == 1 and loud[0].form in ("sum", "join") else None

    def opener(self, name: str) -> str:
        """The container that opens and closes with this one; "" for a layer."""
        node, outer = self.find(name), self.find(name.rpartition(".")[0])
        if node is None or node.form == "layer":
            return ""
        inner = self.fused(outer) if outer is not None else None
        if inner is not None and inner.name == name:
            return outer.name
        branch = outer is not None and outer.form == "join"
        return outer.name if branch else name

    def find(self, name: str) -> Node | None:
        """The node of a dotted name, a branch among them; None where there is none."""
        parts = (self.body(),)
        while True:
            found = None
            for part in parts:
                if part.container == name and self.network is not None and name:
                    return self._branch(name)
                for node in part.nodes:
                    if node.name == name:
                        return node
                    if name.startswith(node.name + "."):
                        found = node
            if found is None or found.form == "layer":
                return None
            parts = self.parts(found)

    def _branch(self, container: str) -> Node | None:
        holder = self.find(container.rpartition(".")[0])
        if holder is None or not isinstance(holder.layer, Branches):
            return None
        for branch in holder.layer.branches:
            if f"{holder.name}.{branch.name}" == container:
                return Node(container, "chain", branch)
        return None

    def number(self, name: str, container: str) -> int | None:
        """The place of a layer in a container; None where it is not in it."""
        outer, _, _ = name.rpartition(".")
        if outer != container:
            return None
        part = self.body() if not container else self._part_of(container)
        return next((at for at, node in enumerate(part.nodes) if node.name == name), None) if part is not None else None

    def _part_of(self, container: str) -> Part | None:
        holder = self.find(container)
        if holder is None or holder.form in ("sum", "join"):
            holder = self.find(container.rpartition(".")[0])
        if holder is None:
            return None
        return next((part for part in self.parts(holder) if part.container == container), None)

    # ------------------------------------------------------------ which are open at first

    def fresh(self, before: Outline, most: int = MOST_BLOCKS) -> frozenset[str]:
        """Containers that were not there before: a network that is being built shows what was put into it."""
        new = self.all_containers() - before.all_containers()
        return new if len(new) <= most else frozenset()

    def all_containers(self) -> frozenset[str]:
        """The names of all that can be opened."""
        return frozenset(node.name for level in self._levels() for node in level)

    def open_at_first(self, most: int = MOST_BLOCKS) -> frozenset[str]:
        """Containers to be opened, level by level, so that no more than `most` blocks show."""
        opened: set[str] = set()
        shown = self._blocks(self.body())
        for level in self._levels():
            costs = {node.name: self._cost(node) for node in level}
            if shown + sum(costs.values()) <= most:
                shown += sum(costs.values())
                opened.update(costs)
                continue
            # not all have room: the shorter stages do, perhaps, but of equal ones all or none
            stages = {node.name: costs[node.name] for node in level if node.form == "chain" and self._is_stage(node)}
            for cost in sorted(set(stages.values())):
                names = [name for name, other in stages.items() if other == cost]
                if shown + cost * len(names) > most:
                    break
                shown += cost * len(names)
                opened.update(names)
            break
        return frozenset(opened)

    def _cost(self, node: Node) -> int:
        """Blocks that opening a node adds."""
        node = self.fused(node) or node
        return sum(self._blocks(part) for part in self.parts(node)) - (node.form in ("chain", "head"))

    def _is_stage(self, node: Node) -> bool:
        return self.fused(node) is None and any(inner.form != "layer" for inner in self.parts(node)[0].nodes)

    def _levels(self) -> Iterator[list[Node]]:
        level = [node for node in self.body().nodes if node.form != "layer"]
        while level:
            yield level
            within = (part for node in level for part in self.parts(self.fused(node) or node))
            level = [inner for part in within for inner in part.nodes if inner.form != "layer"]

    def _blocks(self, part: Part) -> int:
        return sum(not node.quiet for node in part.nodes)


def _grouped(rows: tuple[LayerRow, ...]) -> dict[str, tuple[str, ...]]:
    """The names directly within each prefix, in order of appearance; a row named as a group comes last within it."""
    inside: dict[str, dict[str, None]] = {"": {}}
    for row in rows:
        outer = ""
        steps = row.name.split(".")
        for depth in range(1, len(steps) + 1):
            name = ".".join(steps[:depth])
            inside.setdefault(outer, {})[name] = None
            outer = name
    for row in rows:
        if row.name in inside and row.name:
            inside[row.name][row.name] = None
    return {name: tuple(names) for name, names in inside.items()}
