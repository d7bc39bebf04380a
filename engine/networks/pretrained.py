"""Weights that torchvision and timm offer, fetched into the cache by our own downloader, which shows how far it is and can be stopped."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from engine import places
from engine.control import CancelToken
from engine.data.downloading import PIECE, Tell, Wanted, fetch, put_here
from engine.failure import UserError
from engine.networks.layers import AnyNetwork
from engine.networks.libraries import load, split, timm_weights
from engine.networks.weights_matching import offered_words

PRETRAINED = "pretrained"
"""The word for weights that a library offers."""
HUB = "https://huggingface.co"
USUAL_FILE = "model.safetensors"


class Offered(NamedTuple):
    """Weights to be had.

    Attributes
    ----------
    word : str
        The library's network that they are of.
    path : Path
        Where they lie once they are fetched, or were put by hand.
    addresses : tuple of str
    digest : str
        How the file's SHA-256 begins; "" where it is not published.
    """

    word: str
    path: Path
    addresses: tuple[str, ...]
    digest: str


def offered(network: AnyNetwork) -> Offered:
    """The weights that a library offers for a network, or for its twin.

    Raises
    ------
    UserError
        If none offers any.
    """
    for word in offered_words(network):
        found = _of_torchvision(word) if word.startswith("torchvision:") else _of_timm(word)
        if found is not None:
            return found
    raise UserError(f"No library offers weights for {network.title}.", "Choose a file of weights, or begin with new ones.")


def fetched(network: AnyNetwork, token: CancelToken, tell: Tell | None = None) -> Offered:
    """The same, with the file at hand.

    Raises
    ------
    UserError
        If none are offered, or they cannot be fetched; the remedy names the file and where to put it.
    Cancelled
        If the token was cancelled; what was fetched is kept for the next time.
    """
    found = offered(network)
    if not found.path.is_file():
        try:
            fetch(Wanted(found.path, found.addresses), token, tell)
        except UserError as error:
            raise UserError(error.message, f"{error.remedy} (or choose a file of weights that you have)") from None
        _check(found, token)
    return found


def _check(found: Offered, token: CancelToken) -> None:
    if not found.digest:
        return
    digest = hashlib.sha256()
    with found.path.open("rb") as stream:
        while piece := stream.read(PIECE):
            token.check()
            digest.update(piece)
    if not digest.hexdigest().startswith(found.digest):
        found.path.unlink()
        raise UserError(f"{found.path.name} was fetched, but has another checksum than its name says.", put_here(found.path))


def _of_torchvision(word: str) -> Offered | None:
    _, name = split(word)
    address = str(load("torchvision").get_model_weights(name).DEFAULT.url)
    file = Path(urlsplit(address).path).name
    digest = re.search(r"-([0-9a-f]{8,})\.", file)
    return Offered(word, _folder("torchvision") / file, (address,), digest[1] if digest else "")


def _of_timm(word: str) -> Offered | None:
    _, name = split(word)
    known = timm_weights(name)
    if known is None or not known.has_weights:
        return None
    stem = f"{known.architecture or name}.{known.tag}" if known.tag else str(known.architecture or name)
    addresses: list[str] = []
    file = f"{stem}.safetensors"
    if known.hf_hub_id:
        there = known.hf_hub_filename or USUAL_FILE
        file = f"{stem}{Path(there).suffix}"
        addresses.append(f"{os.environ.get('HF_ENDPOINT', HUB).rstrip('/')}/{known.hf_hub_id}/resolve/main/{there}")
    elif known.url:
        file = f"{stem}{Path(urlsplit(known.url).path).suffix}"
        addresses.append(known.url)
    return Offered(word, _folder("timm") / file, tuple(addresses), "") if addresses else None


def _folder(library: str) -> Path:
    return places.cache() / "weights" / library
