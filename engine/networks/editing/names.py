"""Names of layers: what is free, and what cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from engine.networks.arithmetic import NetworkError
from engine.networks.layers import Name

LONGEST = 64
_NUMBERED = re.compile(r"(.*?)(\d{0,9})")
_VISIBLE = (
    "T_destination add_module append apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extend "
    "extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half insert ipu load_state_dict modules mtia "
    "named_buffers named_children named_modules named_parameters parameters pop register_backward_hook register_buffer "
    "register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook "
    "register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter "
    "register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict "
    "to to_empty train type xpu zero_grad"
)
TAKEN_BY_TORCH = frozenset(_VISIBLE.split()) | {"training", "share", "logits"}
"""Attributes of torch's modules, which no layer can be called by; here without torch, and held equal to it by a test."""


def fresh_name(taken: Iterable[str], like: str) -> str:
    """A name itself or, where it is taken, with the next number that is free.

    Parameters
    ----------
    taken : iterable of str
        Names of the layers beside it.
    like : str
        What it should be called.

    Examples
    --------
    >>> fresh_name(("conv1", "conv2"), "conv1"), fresh_name((), "conv1"), fresh_name(("flatten",), "flatten")
    ('conv3', 'conv1', 'flatten2')
    """
    known = frozenset(taken)
    if like not in known:
        return like
    match = _NUMBERED.fullmatch(like)
    assert match is not None
    stem, number = match[1], int(match[2] or 1)
    made = like
    while made in known:
        number += 1
        made = f"{stem[: LONGEST - len(str(number))]}{number}"
    return made


def check_name(own: str) -> None:
    """Refuse what a layer cannot be called.

    Raises
    ------
    NetworkError
    """
    try:
        msgspec.convert(own, Name)
    except msgspec.ValidationError:
        if not own:
            raise NetworkError("A layer needs a name.", "Type one.") from None
        remedy = f"Begin with a letter; then letters, digits, _ and - up to {LONGEST} in all."
        raise NetworkError(f'A layer cannot be called "{own[:LONGEST]}".', remedy) from None
    if own in TAKEN_BY_TORCH:
        raise NetworkError(f'A layer cannot be called "{own}": the word has a meaning in torch.', "Give it another name.")
