"""Small networks by hand, and random ones, for the tests of their drawing."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.networks.layers import (
    Activation,
    Auxiliary,
    Branches,
    Conv,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Network,
    Norm,
    Residual,
    Sequence,
)


def conv(name: str, filters: int = 16, stride: int = 1) -> Conv:
    return Conv(name, filters, (3, 3), (stride, stride), (1, 1))


def network(*layers: Layer, name: str = "made") -> Network:
    return Network(name, name, 0, "", (3, 32, 32), 10, Sequence("body", layers))


HEAD = (GlobalPool("mean"), Flatten("flatten"), Linear("linear", 10))

PLAIN = network(conv("conv1"), Activation("relu1"), conv("conv2", 32, 2), *HEAD)

TREE = network(
    conv("conv"),
    Norm("norm"),
    Activation("relu"),
    Residual("block1", (Norm("norm1"), Activation("relu1"), conv("conv1"), conv("conv2"))),
    Activation("relu2"),
    Branches(
        "mixed",
        (
            Sequence("branch1", (conv("conv", 8), Activation("relu"))),
            Sequence("branch2", ()),
            Sequence("branch3", (conv("a", 8), conv("b", 8))),
        ),
    ),
    Auxiliary("auxiliary", (GlobalPool("mean"), Flatten("flatten"), Linear("linear", 10))),
    Sequence("stage", (conv("conv1", 32), Residual("block2", (conv("conv", 32, 2),), (Conv("conv", 32, (1, 1), (2, 2)),)))),
    *HEAD,
)


@st.composite
def layer_lists(draw: st.DrawFn, depth: int = 0) -> tuple[Layer, ...]:
    """Layers that keep 8 channels and the size of the maps, some of them containers."""
    made: list[Layer] = []
    kinds = ["conv", "relu", "norm"] + (["sequence", "residual", "branches"] if depth < 3 else [])
    for number in range(draw(st.integers(1 if depth else 0, 4))):
        kind = draw(st.sampled_from(kinds))
        name = f"{kind}{number}"
        inside = layer_lists(depth=depth + 1)
        if kind == "conv":
            made.append(conv(name, 8))
        elif kind == "relu":
            made.append(Activation(name))
        elif kind == "norm":
            made.append(Norm(name))
        elif kind == "sequence":
            made.append(Sequence(name, draw(inside)))
        elif kind == "residual":
            made.append(Residual(name, draw(inside), draw(inside) if draw(st.booleans()) else ()))
        else:
            lanes = tuple(Sequence(f"branch{lane}", draw(inside)) for lane in range(draw(st.integers(1, 3))))
            joined = Sequence(name, (Branches("mixed", lanes), conv("after", 8)))
            made.append(joined)
    return tuple(made)


networks = layer_lists().map(lambda layers: network(conv("first", 8), *layers, *HEAD))
