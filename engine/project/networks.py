"""The project's own networks: networks/NAME.json, one file each, also those that are still being built.

A file that is no network stays where it is and is told with the reason. Files are known by the name that stands in them.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from engine import messages
from engine.control import CancelToken
from engine.failure import UserError, describe
from engine.messages import NetworksChanged
from engine.networks import files
from engine.networks.arithmetic import NetworkError
from engine.networks.layers import NEWEST_VERSION, Network
from engine.project.incoming import plain_name
from engine.project.runs import write_whole
from engine.project.store import READ_ONLY_REMEDY

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.project.opened import OpenedProject
    from engine.session import Emit, Session

NETWORKS = "networks"
ENDING = ".json"
OWN = "own:"
"""How a command names a network of the project: "own:NAME"."""
LONGEST = 200  # characters of a name and a title, see Network
MOST_FILES = 1000
OF_SYSTEMS = frozenset({"thumbs.db", "desktop.ini"})


class Kept(msgspec.Struct, frozen=True):
    """What lies in a project's folder of networks.

    Attributes
    ----------
    networks : dict of str to (Path, Network)
        By the networks' names, in their order.
    broken : tuple of (str, str)
        Files that count as none, with the reason in a sentence.
    files : frozenset of str
        Names of all files, as systems compare them that make no difference between large and small letters.
    """

    networks: dict[str, tuple[Path, Network]]
    broken: tuple[tuple[str, str], ...]
    files: frozenset[str]

    def event(self, added: str = "") -> NetworksChanged:
        """As it is told."""
        return NetworksChanged(networks=tuple(network for _, network in self.networks.values()), broken=self.broken, added=added)


# ---------------------------------------------------------------- commands


def save_network(session: Session, command: messages.SaveNetwork, token: CancelToken, emit: Emit) -> None:
    """Keep a network, also an unfinished one, and tell under what name: a new one takes the place of no other."""
    project = _writable(session)
    kept = read(project.folder)
    network = _tidy(command.network)
    old = kept.networks.get(command.before) if command.before else None
    others = [name for name in kept.networks if old is None or name != command.before]
    if old is None:
        network = _with_free_name(network, others)
    elif _taken(network.name, others):
        raise UserError(f'There is a network "{network.name}" already.', "Choose another name.")
    _write(project.folder, kept, network, old[0] if old else None)
    emit(read(project.folder).event(network.name))


def delete_network(session: Session, command: messages.DeleteNetwork, token: CancelToken, emit: Emit) -> None:
    """Delete a network's file."""
    project = _writable(session)
    path = path_of(project, command.name)
    removed = files.load(path, complete=False)
    path.unlink(missing_ok=True)
    emit(replace(read(project.folder).event(), removed=removed))


def read_network(session: Session, command: messages.ReadNetwork, token: CancelToken, emit: Emit) -> None:
    """Take a copy of a network's file into the project; where its name is taken it gets a number."""
    project = _writable(session)
    path = Path(command.path).absolute()
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is not a file.", "Choose a network JSON file.")
    network = files.load(path, complete=False)
    kept = read(project.folder)
    network = _with_free_name(_tidy(network if network.name.strip() else replace(network, name=path.stem[:LONGEST])), kept.networks)
    _write(project.folder, kept, network, None)
    emit(read(project.folder).event(network.name))


# ---------------------------------------------------------------- reading


def path_of(project: OpenedProject, name: str) -> Path:
    """The file of a network of the project.

    Parameters
    ----------
    project : OpenedProject
        Whose networks are meant; it may be one that can only be read.
    name : str
        The network's name, with "own:" before it or without.

    Raises
    ------
    NetworkError
        If there is no such network in the project.
    """
    kept = read(project.folder).networks
    found = kept.get(name) or kept.get(name.removeprefix(OWN))
    if found is None:
        remedy = f"Choose one of: {', '.join(kept)}." if kept else "Make one first."
        raise NetworkError(f'The project has no network "{name.removeprefix(OWN)}".', remedy)
    return found[0]


def read(folder: Path) -> Kept:
    """Read all networks of the project in a folder; whatever cannot be read is told with the reason, and nothing is raised."""
    place = folder / NETWORKS
    try:
        names = sorted(os.listdir(place))
    except FileNotFoundError:
        return Kept({}, (), frozenset())
    except OSError as error:
        return Kept({}, ((NETWORKS, describe(error).message),), frozenset())
    found: dict[str, tuple[Path, Network]] = {}
    broken: list[tuple[str, str]] = []
    wanted = [name for name in names if not _of_the_system(name)]
    for name in wanted[:MOST_FILES]:
        path = place / name
        try:
            network = _read(path)
            if network.name in found:
                raise UserError(f'Its name is "{network.name}", which {found[network.name][0].name} has already.')
        except UserError as error:
            broken.append((_writable_text(name), _writable_text(str(error))))
        except OSError as error:
            broken.append((_writable_text(name), _writable_text(describe(error).message)))
        else:
            found[network.name] = path, network
    if len(wanted) > MOST_FILES:
        broken.append((f"{len(wanted) - MOST_FILES:,} more files", f"Only the first {MOST_FILES:,} files are looked at."))
    ordered = dict(sorted(found.items(), key=lambda item: (item[0].casefold(), item[0])))
    return Kept(ordered, tuple(broken), frozenset(_compared(name) for name in names))


def _read(path: Path) -> Network:
    if not path.is_file():
        raise UserError("It is not a file.")
    if path.suffix.lower() != ENDING:
        raise UserError("It is not a network JSON file.")
    network = files.load(path, complete=False)
    if not network.name:
        raise UserError("Its name is empty.", "Give it one.")
    return network


def _of_the_system(name: str) -> bool:
    return name.startswith(".") or name.endswith(".part") or name.lower() in OF_SYSTEMS


# ---------------------------------------------------------------- writing


def _writable(session: Session) -> OpenedProject:
    project = session.opened()
    if project.record.read_only:
        raise UserError(project.record.read_only, READ_ONLY_REMEDY)
    return project


def _write(folder: Path, kept: Kept, network: Network, old: Path | None) -> None:
    """Write a network: where it was, or into a file of its new name, whereupon the old one goes."""
    data = files.dump(network)
    files.parse(data, network.title or network.name, complete=False)  # what cannot be read again is not kept
    place = folder / NETWORKS
    place.mkdir(exist_ok=True)
    stem = _file_stem(network.name)
    stays = old is not None and (kept.networks.get(network.name, (None,))[0] == old or _compared(stem + ENDING) == _compared(old.name))
    if old is not None and stays:
        path = old
    else:
        path = place / f"{_numbered(stem, lambda word: _compared(word + ENDING) in kept.files)}{ENDING}"
    try:
        write_whole(path, data)
    except OSError:
        path.with_name(f"{path.name}.part").unlink(missing_ok=True)
        raise
    if old is not None and old != path:
        old.unlink(missing_ok=True)


def _tidy(network: Network) -> Network:
    """A network whose words can be written, in the newest form.

    Raises
    ------
    UserError
        If it has no name.
    """
    name, title, family = (_written(word) for word in (network.name, network.title, network.family))
    if not name:
        raise UserError("A network needs a name.", "Type one.")
    return replace(network, name=name, title=title or name, family=family, version=NEWEST_VERSION)


def _written(word: str) -> str:
    """A name without control characters and blanks around it, not too long."""
    plain = (letter for letter in _writable_text(word) if unicodedata.category(letter) != "Cc")
    return "".join(plain).strip()[:LONGEST].strip()


def _writable_text(text: str) -> str:
    """Text without what UTF-8 cannot hold: names of files may have such."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _with_free_name(network: Network, others: dict[str, tuple[Path, Network]] | list[str]) -> Network:
    name = _numbered(network.name, lambda word: _taken(word, others))
    if name == network.name:
        return network
    title = f"{network.title[: LONGEST - 8]} {name.rpartition(' ')[2]}"
    return replace(network, name=name, title=title)


def _numbered(word: str, taken: Callable[[str], bool]) -> str:
    """The word itself, or with the first number from 2 on that is free."""
    found, number = word, 2
    while taken(found):
        found, number = f"{word[: LONGEST - 8]} {number}", number + 1
    return found


def _taken(name: str, others: dict[str, tuple[Path, Network]] | list[str]) -> bool:
    return _compared(name) in {_compared(other) for other in others}


def _file_stem(name: str) -> str:
    stem = plain_name(name)
    return stem if any(letter.isalnum() for letter in name) else f"network {stem}"


def _compared(name: str) -> str:
    """A name as file systems compare it that make no difference between large and small letters, or between ways to write accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
