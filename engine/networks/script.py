"""A network as a PyTorch script that runs by itself. No torch is needed to write it.

The script carries the source of those modules of ours that the network uses, makes the same tree of modules with the same names, so that
weights go from one to the other, and begins with the same weights as here.
"""

from __future__ import annotations

import ast
import re
import textwrap
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from engine.networks import zoo
from engine.networks.arithmetic import Analysis, LayerRow, analyse
from engine.networks.kinds import Call, call_of
from engine.networks.layers import CONTAINERS, Auxiliary, Branches, Layer, NamedNetwork, Network, Residual, Sequence, children

WIDTH = 120
USUAL_SIDE, COLOURS = 224, 3
DEEPEST = 4  # containers within containers; what lies deeper gets a function of its own
FORMS = {"maps": "{0} x {1} x {2}", "flat": "{0}", "tokens": "{1} tokens of {0}"}

DOCSTRING = '''"""{title} in PyTorch.

{facts}

Run by itself it prints what every layer makes of a picture, and the number of parameters. Weights of a run fit as they are:

    from safetensors.torch import load_file

    network = make()
    network.load_state_dict(load_file("weights.safetensors"))
    network.eval()

Pictures enter as float32 {shape}, normalised with the mean and deviation of the run ("preprocessing" in run.json); logits come
out as float32 [N, {classes}].
"""
'''

SAYS = "All layers one after the other; the comments say what comes out of each."

NAMED = '''
def named(*layers: tuple[str, nn.Module]) -> nn.Sequential:
    """Layers one after the other, by their names."""
    return nn.Sequential(OrderedDict(layers))
'''

MAKE = '''
def make(seed: int = 0) -> nn.Module:
    """The network with the weights that it begins with."""
    network = layers()
    initialise(network, seed)
    return network
'''

MAIN = '''
def main() -> None:
    """Print what every layer makes of a picture, without memory for the weights, and the number of parameters."""
    with torch.device("meta"):
        network, picture = layers().eval(), torch.empty(1, *INPUT)
    for name, layer in network.named_modules():
        if not any(layer.children()):
            layer.register_forward_hook(lambda _, __, output, name=name: print(f"{name:<48} {tuple(output.shape[1:])}"))
    with torch.no_grad():
        network(picture)
    print(f"{sum(weights.numel() for weights in network.parameters()):,} parameters")


if __name__ == "__main__":
    main()
'''


class _Source(NamedTuple):
    """A class or a function: its text, the import lines that it needs, and what it needs of the same file."""

    text: str
    imports: tuple[str, ...]
    needs: tuple[str, ...]


def script(network: Network) -> str:
    """Write a network as a self-contained PyTorch script.

    Returns
    -------
    str
        Python 3.10 or newer. Its `make(seed)` gives the module that `engine.networks.build.build` gives: the same names, weights,
        answers. Nothing of the network's free texts can become code.

    Raises
    ------
    NetworkError
        If the network cannot be built.
    """
    analysis = analyse(network)
    writer = _Writer(analysis.by_name())
    text = tuple(_lines(writer.sequence(children(network.body), "", 0), "    return ", ""))
    functions = [NAMED, *writer.functions(), writer.function("layers", SAYS, text)]
    carried = [*_with_needs(writer.own, _classes()), *_with_needs({"initialise"}, _functions())]
    lines = {"from collections import OrderedDict", "import torch", "from torch import nn"}
    lines.update(line for source in carried for line in source.imports)
    constants = f"INPUT = {network.input}  # channels, height, width\n"
    blocks = [source.text for source in carried] + [text.strip("\n") for text in (*functions, MAKE, MAIN)]
    return f"{_docstring(network, analysis)}\n{_imports(lines)}\n{constants}\n\n" + "\n\n\n".join(blocks) + "\n"


def library_script(network: NamedNetwork) -> str:
    """Write a network of another library as the few lines that make it; its weights there have the same names."""
    word, (channels, height, width) = _literal(network.name), network.input
    options = {"num_classes": network.classes}
    if network.library == "timm":
        lines = ["import timm", "", f"network = timm.create_model({word}, {_options({**options, 'in_chans': channels})})"]
        if (height, width) != (USUAL_SIDE, USUAL_SIDE):
            lines.insert(2, f"# those that are made for one size, as vision transformers are, want img_size=({height}, {width}) as well")
        return "\n".join(lines) + "\n"
    more: dict[str, Any] = {}
    if network.name in ("googlenet", "inception_v3"):
        more = {"init_weights": True, "aux_logits": True}
    elif network.name.startswith("vit_"):
        more = {"image_size": height}
    elif network.name.startswith("maxvit"):
        more = {"input_size": (height, width)}
    lines = ["import torchvision", "", f"network = torchvision.models.get_model({word}, {_options(options | more)})"]
    if channels != COLOURS:
        lines.insert(2, f"# made for colour; its first convolution is to be exchanged for one of {channels} channel{'s' * (channels > 1)}")
    return "\n".join(lines) + "\n"


def _options(options: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_literal(value)}" for name, value in options.items())


# ---------------------------------------------------------------- words


def _docstring(network: Network, analysis: Analysis) -> str:
    title = _plain(network.title or network.name) or "A network"
    facts = [f"{title}{f', {network.year}' if network.year else ''}"]
    if network.name in zoo.names() and zoo.card(network.name).title == network.title:
        facts[0] += f" ({_plain(zoo.card(network.name).source)})"
    aside = f", and {analysis.auxiliary_parameters:,} in heads that only training uses" if analysis.auxiliary_parameters else ""
    channels, height, width = network.input
    size = f"{height} x {width} pixels of {channels} channel{'s' if channels > 1 else ''}"
    facts.append(f"Input: {size}. Classes: {network.classes:,}. Parameters: {analysis.parameters:,}{aside}.")
    text = "\n\n".join(textwrap.fill(fact, WIDTH) for fact in facts)
    return DOCSTRING.format(title=title[:80], facts=text, shape=f"[N, {channels}, {height}, {width}]", classes=network.classes)


def _plain(text: str) -> str:
    """Text that ends no line and no docstring, and hides nothing: what is not to be seen becomes a blank."""
    seen = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(seen.replace("\\", "/").replace('"', "'").split())


def _imports(lines: set[str]) -> str:
    """Import lines, those of Python itself first, as formatters want them."""
    own = sorted((line for line in lines if "torch" in line), key=lambda line: (line.startswith("from"), line))
    others = sorted((line for line in lines if "torch" not in line), key=lambda line: (line.startswith("from"), line))
    return "\n".join([*others, "", *own] if others else own) + "\n"


# ---------------------------------------------------------------- the tree


class _Writer:
    """Writes layers as calls. What holds containers becomes a function, and what is alike becomes the same one."""

    def __init__(self, rows: dict[str, LayerRow]) -> None:
        self.rows = rows
        self.own: set[str] = set()  # classes of ours that are used
        self.names: dict[tuple[str, ...], str] = {}  # of functions, by what they return
        self.places: dict[str, list[str]] = {}  # what each function makes, by its name

    def functions(self) -> list[str]:
        """All functions so far, those that others call before them."""
        return [self.function(name, _says(self.places[name]), text) for text, name in self.names.items()]

    def function(self, name: str, says: str, text: tuple[str, ...]) -> str:
        """A function that returns an expression."""
        return "\n".join([f"def {name}() -> nn.Module:", f'    """{says}"""', *text])

    def sequence(self, layers: tuple[tuple[str, Layer], ...], place: str, depth: int, before: str = "") -> _Part:
        """Layers one after the other, within what has this dotted name."""
        return _Part(f"{before}named(", tuple(self.item(name, layer, place, depth) for name, layer in layers), ")")

    def item(self, name: str, layer: Layer, place: str, depth: int) -> _Part:
        full = f"{place}.{name}" if place else name
        row = self.rows.get(full)
        comment = "" if row is None else FORMS[row.form].format(*row.output)
        return _Part("(", (_Part(_literal(layer.name)), self.layer(layer, full, depth)), ")", comment, hugs=True)

    def layer(self, layer: Layer, name: str, depth: int) -> _Part:
        """A layer of this dotted name."""
        if not isinstance(layer, CONTAINERS):
            call = call_of(layer, self.rows[name].entering)
            if call.own:
                self.own.add(call.name)
            return _called(call)
        grouped = isinstance(layer, Sequence) and any(isinstance(child, CONTAINERS) for _, child in children(layer))
        if not grouped and depth < DEEPEST:
            return self.container(layer, name, depth + 1)
        text = tuple(_lines(self.container(layer, name, 0), "    return ", ""))
        if text not in self.names:
            self.names[text] = self.free_name(name)
        self.places.setdefault(self.names[text], []).append(name)
        return _Part(f"{self.names[text]}()")

    def container(self, layer: Sequence | Residual | Branches | Auxiliary, name: str, depth: int) -> _Part:
        inside = children(layer)
        if isinstance(layer, Sequence):
            return self.sequence(inside, name, depth)
        self.own.add(type(layer).__name__)
        if isinstance(layer, Residual):
            body = self.sequence(inside[: len(layer.body)], name, depth, "body=")
            shortcut = self.sequence(inside[len(layer.body) :], name, depth, "shortcut=")
            scale = () if layer.scale == 1 else (_value(layer.scale, "scale="),)
            return _Part("Residual(", (body, shortcut, *scale), ")")
        items = tuple(self.item(inner, child, name, depth) for inner, child in inside)
        named = _Part("OrderedDict(", (_Part("[", items, "]"),), ")", hugs=True)
        if isinstance(layer, Branches):
            return _Part("Branches(", (named,), ")", hugs=True)
        return _Part("Auxiliary(", (_value(layer.share, "share="), _Part("layers=OrderedDict(", named.items, ")", hugs=True)), ")")

    def free_name(self, place: str) -> str:
        """A name for the function that makes what has this dotted name."""
        stem = "make_" + re.sub(r"\W", "_", "_".join(place.split(".")[-2:]))[:60]
        name, number = stem, 2
        while name in self.places:
            name, number = f"{stem}_{number}", number + 1
        return name


def _says(places: list[str]) -> str:
    first, last = (place if len(place) <= 40 else f"...{place[-40:]}" for place in (places[0], places[-1]))
    return f"{first}." if len(places) == 1 else f"{first} and {len(places) - 1} alike, up to {last}."


class _Part(NamedTuple):
    """An expression: a word, or what stands between brackets. Of one that `hugs`, all but the last item stay on its first line."""

    opening: str
    items: tuple[_Part, ...] = ()
    closing: str = ""
    comment: str = ""
    hugs: bool = False

    def short(self) -> str | None:
        """On one line; None where a comment within would be lost, or it would be too long anyhow."""
        words: list[str] = []
        for item in self.items:
            word = item.short()
            if word is None or item.comment or sum(map(len, words)) > WIDTH:
                return None
            words.append(word)
        return f"{self.opening}{', '.join(words)}{self.closing}"


def _called(call: Call) -> _Part:
    items = [_value(value) for value in call.arguments]
    items += [_value(value, f"{word}=") for word, value in call.options.items()]
    return _Part(f"{'' if call.own else 'nn.'}{call.name}(", tuple(items), ")")


def _value(value: Any, before: str = "") -> _Part:
    if isinstance(value, tuple):
        return _Part(f"{before}(", tuple(_value(item) for item in value), ",)" if len(value) == 1 else ")")
    return _Part(f"{before}{_literal(value)}")


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


def _lines(part: _Part, before: str, after: str) -> list[str]:
    """An expression as lines, as few as WIDTH allows; `before` and `after` are what stands around it."""
    indent = " " * (len(before) - len(before.lstrip()))
    comment = f"  # {part.comment}" if part.comment else ""
    short = part.short()
    if short is not None and (not part.items or len(before) + len(short) + len(after) <= WIDTH):
        return [f"{before}{short}{after}{comment}"]
    if part.hugs:
        *first, last = part.items
        start = part.opening + "".join(f"{item.short()}, " for item in first)
        lines = _lines(last, before + start, part.closing + after)
        return [lines[0] + comment, *lines[1:]]
    lines = [f"{before}{part.opening}{comment}"]
    for item in part.items:
        lines.extend(_lines(item, f"{indent}    ", ","))
    return [*lines, f"{indent}{part.closing.lstrip(',')}{after}"]


# ---------------------------------------------------------------- sources that are carried along


@cache
def _classes() -> dict[str, _Source]:
    """Our own modules by name, in the order in which they stand."""
    found: dict[str, _Source] = {}
    folder = resources.files("engine.networks") / "modules"
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if file.name.endswith(".py") and file.name != "__init__.py":
            found.update(_definitions(file.read_text(encoding="utf-8")))
    return found


@cache
def _functions() -> dict[str, _Source]:
    return _definitions((resources.files("engine.networks") / "build.py").read_text(encoding="utf-8"))


def _definitions(text: str) -> dict[str, _Source]:
    """The classes and functions of a file, each with the imports that it uses."""
    tree, lines = ast.parse(text), text.splitlines()
    brought: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            brought.update({name.name: f"import {name.name}" for name in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            brought.update({name.name: f"from {node.module} import {name.name}" for name in node.names})
    found: dict[str, _Source] = {}
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            words = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            own = [_without_marks(line) for line in lines[node.lineno - 1 : node.end_lineno]]
            imports = tuple(brought[word] for word in sorted(words) if word in brought)
            found[node.name] = _Source("\n".join(own), imports, tuple(sorted((words & defined) - {node.name})))
    return found


def _with_needs(names: set[str], known: dict[str, _Source]) -> list[_Source]:
    """The sources of these names and of all that they need, in the order in which they stand."""
    wanted, waiting = set(names), list(names)
    while waiting:
        new = set(known[waiting.pop()].needs) - wanted
        wanted |= new
        waiting.extend(new)
    return [source for name, source in known.items() if name in wanted]


def _without_marks(line: str) -> str:
    """A line of source without its remarks for type checkers and linters."""
    for mark in ("  # type: ignore", "  # noqa"):
        line = line.partition(mark)[0]
    return line
