"""Editing a network: operations that take a tree and give another. No torch.

All raise NetworkError, in one sentence, for what cannot be done; the tree may be unfinished before and after.
"""

from engine.networks.editing.changes import (
    check_fields,
    duplicate,
    fit_head,
    fitted,
    insert,
    move,
    remove,
    replace_layer,
    step,
)
from engine.networks.editing.names import check_name, fresh_name
from engine.networks.editing.new_layers import KINDS, new_layer, plain_layer, why_not
from engine.networks.editing.places import (
    contents,
    find,
    is_branching,
    is_container,
    joined,
    layer_at,
    layers_inside,
    new_names,
    number_of,
    signal_at,
    split_name,
    topmost,
)
from engine.networks.editing.wrapping import add_branch, unwrap, wrap_branches, wrap_residual, wrap_sequence

__all__ = [
    "KINDS",
    "add_branch",
    "check_fields",
    "check_name",
    "contents",
    "duplicate",
    "find",
    "fit_head",
    "fitted",
    "fresh_name",
    "insert",
    "is_branching",
    "is_container",
    "joined",
    "layer_at",
    "layers_inside",
    "move",
    "new_layer",
    "new_names",
    "number_of",
    "plain_layer",
    "remove",
    "replace_layer",
    "signal_at",
    "split_name",
    "step",
    "topmost",
    "unwrap",
    "why_not",
    "wrap_branches",
    "wrap_residual",
    "wrap_sequence",
]
