"""The arithmetic of a network of another library: its module answers a picture on the meta device, and what passes is written down.

Rows are its layers in the order in which they are called. Where a module that holds others computes something itself (attention's
products, values that it adds), it has a row too. Receptive fields are not known.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from engine.networks.arithmetic import PICTURE, Analysis, LayerRow, NetworkError
from engine.networks.layers import NamedNetwork
from engine.networks.libraries import HEADS, make_skeleton, refused
from engine.networks.library_modules import REFUSALS
from engine.networks.library_rows import LAYERS, Passed, row_of

JOINS = {torch.ops.aten.add: "Sum", torch.ops.aten.add_: "Sum", torch.ops.aten.cat: "Join"}
Origins = frozenset[int]
"""Numbers of the rows that a tensor comes from."""


@lru_cache(maxsize=32)
def trace(network: NamedNetwork) -> Analysis:
    """Work a network of another library out; takes no memory for its weights.

    Returns
    -------
    Analysis
        Without receptive fields; `activations` are the outputs of all rows.

    Raises
    ------
    NetworkError
        If there is no such network, it cannot take this input, or it is no classifier.
    """
    module = make_skeleton(network)
    heads = tuple(f"{head.name}." for head in HEADS.get(network.name, ()) if network.library == "torchvision")
    # heads answer in training alone, where batch norm wants more than one picture
    module.train(bool(heads))
    for part in module.modules():
        if isinstance(part, nn.MultiheadAttention):
            part.train()  # in evaluation it may take a short cut that cannot be followed
    tracer = _Tracer(network, module, pictures=2 if heads else 1)
    output = tracer.run()
    if not isinstance(output, torch.Tensor) or tuple(output.shape[1:]) != (network.classes,):
        shape = "×".join(map(str, output.shape[1:])) if isinstance(output, torch.Tensor) else "several answers"
        raise NetworkError(f"{network.word} is no classifier: it gives {shape}.", "Choose another network.")
    rows = tracer.finished(heads)
    main = [row for row in rows if not row.auxiliary]
    parameters = sum(row.parameters for row in main)
    return Analysis(
        input=network.input,
        classes=network.classes,
        layers=tuple(rows),
        parameters=parameters,
        trainable=sum(row.trainable for row in main),
        multiply_adds=sum(row.multiply_adds for row in main),
        receptive_field=None,
        auxiliary_parameters=sum(row.parameters for row in rows) - parameters,
        activations=math.prod(network.input) + sum(row.activations for row in rows),
    )


class _Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down which module does what to which tensor while a network answers one picture."""

    def __init__(self, network: NamedNetwork, module: nn.Module, pictures: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.network, self.module, self.pictures = network, module, pictures
        self.names = {id(part): name for name, part in module.named_modules()}
        self.owners = {id(value): name for name, value in module.named_parameters()}
        self.passed: list[Passed] = []
        self.inside: list[str] = [""]
        self.layer_depth = 0
        self.work: dict[str, int] = defaultdict(int)  # multiply-adds done in a module by itself, not yet in a row
        self.calls: dict[str, int] = defaultdict(int)
        self.counted: set[str] = set()  # parameters that stand in a row already
        self.used: set[str] = set()
        self.origins: dict[int, tuple[torch.Tensor, Origins]] = {}  # with the tensor, so that its id stays its own
        self.joined: dict[int, str] = {}  # how the tensor was made of several

    def run(self) -> Any:
        """Let the network answer; gives what it answers."""
        picture = torch.zeros(self.pictures, *self.network.input, device="meta")
        self.mark(picture, frozenset({PICTURE}))
        hooks = []
        for part in self.module.modules():
            hooks.append(part.register_forward_pre_hook(self.enter, with_kwargs=True))
            hooks.append(part.register_forward_hook(self.leave, with_kwargs=True))
        try:
            with torch.no_grad(), self:
                return self.module(picture)
        except REFUSALS as error:
            raise refused(self.network, error, self.inside[-1]) from None
        finally:
            for hook in hooks:
                hook.remove()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = _tensors((args, kwargs))
        where = self.inside[-1]
        for tensor in tensors:
            name = self.owners.get(id(tensor))
            if name is not None and name not in self.used:
                self.used.add(name)
                owner = self.module.get_submodule(name.rpartition(".")[0])
                if not self.layer_depth and not _is_layer(owner):  # such as a class token
                    self.write_values(name, tensor)
        out = func(*args, **kwargs)
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.work[where] += int(count(*args, **kwargs, out_val=out)) // 2
        origins = self.origins_of(tensors)
        for tensor in _tensors(out):
            self.mark(tensor, origins)
            self.joined[id(tensor)] = JOINS.get(func._overloadpacket, "")
        return out

    def enter(self, part: nn.Module, args: Any, kwargs: Any) -> None:
        """A module begins."""
        self.inside.append(self.names[id(part)] if not self.layer_depth else self.inside[-1])
        self.layer_depth += _is_layer(part) or bool(self.layer_depth)

    def leave(self, part: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        """A module ends."""
        name = self.inside.pop()
        if self.layer_depth:
            self.layer_depth -= 1
        if self.layer_depth or not name:
            return
        outputs = _tensors(output)
        if not outputs or _does_nothing(part):
            return
        inputs, single = _tensors((args, kwargs)), _is_layer(part)
        sources = self.origins_of(inputs if single else outputs)
        if not (single or self.work[name] or len(sources) > 1):
            return
        own = [f"{name}.{inner}" for inner, _ in part.named_parameters()] if single else []
        work = self.work.pop(name, 0)
        self.calls[name] += 1
        number = self.calls[name]
        self.write(
            Passed(
                name=name if number == 1 else f"{name}:{number}",
                part=part,
                input=tuple(inputs[0].shape[1:]) if inputs else self.network.input,
                output=tuple(outputs[0].shape[1:]),
                parameters=self.new_parameters(own),
                multiply_adds=work // self.pictures,
                sources=tuple(sorted(sources)),
                joined="" if single or work else self.joined.get(id(outputs[0]), ""),
            )
        )
        for tensor in outputs:
            self.mark(tensor, frozenset({len(self.passed) - 1}))

    def write_values(self, name: str, tensor: torch.Tensor) -> None:
        """A row for values that belong to the network itself and not to one of its layers."""
        self.counted.add(name)
        shape = tuple(tensor.shape[1:]) if tensor.ndim > 1 and tensor.shape[0] == 1 else tuple(tensor.shape)
        self.write(Passed(name, None, shape, shape, tensor.numel(), 0, ()))
        self.mark(tensor, frozenset({len(self.passed) - 1}))

    def write(self, passed: Passed) -> None:
        self.passed.append(passed)

    def new_parameters(self, names: list[str]) -> int:
        """The number of values of these parameters, of which none counts twice."""
        fresh = [name for name in names if name not in self.counted]
        self.counted.update(fresh)
        return sum(self.module.get_parameter(name).numel() for name in fresh)

    def mark(self, tensor: torch.Tensor, origins: Origins) -> None:
        self.origins[id(tensor)] = tensor, origins

    def origins_of(self, tensors: list[torch.Tensor]) -> Origins:
        found = [self.origins[id(tensor)][1] for tensor in tensors if id(tensor) in self.origins]
        return frozenset().union(*found)

    def finished(self, heads: tuple[str, ...]) -> list[LayerRow]:
        """The rows; parameters that no module of their own took part in are told at their owner, or at the end."""
        for name, value in self.module.named_parameters():
            if name not in self.counted:
                self.counted.add(name)
                owner, _, _ = name.rpartition(".")
                self.give(owner, value.numel(), name in self.used)
        rows: list[LayerRow] = []
        for passed in self.passed:
            rows.append(row_of(passed, self.network.input, rows, f"{passed.name}.".startswith(heads) if heads else False))
        return rows

    def give(self, owner: str, number: int, used: bool) -> None:
        """Count parameters whose module was not called: used by a module around it, or not used at all."""
        place = owner
        while place and used:
            for index, passed in enumerate(self.passed):
                if passed.name == place:
                    self.passed[index] = passed._replace(parameters=passed.parameters + number)
                    return
            place = place.rpartition(".")[0]
        last = self.passed[-1]
        known = next((index for index, passed in enumerate(self.passed) if passed.name == owner), None)
        if known is not None:
            self.passed[known] = self.passed[known]._replace(parameters=self.passed[known].parameters + number)
            return
        part = self.module.get_submodule(owner)
        self.passed.append(Passed(owner or "values", part, last.output, last.output, number, 0, (), used=used))


def _is_layer(part: nn.Module) -> bool:
    """Whether a module is one layer: it holds no others, or is known as one."""
    return isinstance(part, LAYERS) or next(part.children(), None) is None


def _does_nothing(part: nn.Module) -> bool:
    return type(part) is nn.Identity or (isinstance(part, nn.Dropout) and part.p == 0)


def _tensors(value: Any) -> list[torch.Tensor]:
    """All tensors within tuples, lists and dictionaries, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return []
    return [tensor for item in value for tensor in _tensors(item)]
