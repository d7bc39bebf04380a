"""In which order training pictures are shown: endless streams of batches, decided by the seed alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch


def stream(count: int, batch: int, seed: int, device: torch.device) -> Iterator[torch.Tensor]:
    """Batches of row numbers, int64 [batch] each, without end: permutations of all rows, one after the other, cut into full batches."""
    generator = torch.Generator().manual_seed(seed)

    def permutations() -> Iterator[torch.Tensor]:
        while True:
            yield torch.randperm(count, generator=generator)

    return _cut(permutations(), batch, device)


def balanced_stream(labels: torch.Tensor, batch: int, seed: int, device: torch.device) -> Iterator[torch.Tensor]:
    """As `stream`, but every class comes equally often.

    As many pictures as there are make one pass. Each class present has an equal part of it, to within one picture, and goes through its
    own pictures in permutations, one after the other: of a rare class each picture is shown several times a pass, of a common one some
    only in a later pass.

    Parameters
    ----------
    labels : int64 [N]
        Classes of the training pictures.
    batch : int
        Pictures a step.
    seed : int
        Seeds a generator of its own.
    device : torch.device
        Where the row numbers are wanted.
    """
    generator = torch.Generator().manual_seed(seed)
    known = labels.cpu()
    classes = [torch.nonzero(known == label).flatten() for label in torch.unique(known)]
    waiting = [rows[:0] for rows in classes]

    def passes() -> Iterator[torch.Tensor]:
        whole, spare = divmod(len(known), len(classes))
        while True:
            lucky = set(torch.randperm(len(classes), generator=generator)[:spare].tolist())
            parts = []
            for number, rows in enumerate(classes):
                wanted = whole + (number in lucky)
                while len(waiting[number]) < wanted:
                    waiting[number] = torch.cat([waiting[number], rows[torch.randperm(len(rows), generator=generator)]])
                parts.append(waiting[number][:wanted])
                waiting[number] = waiting[number][wanted:]
            shown = torch.cat(parts)
            yield shown[torch.randperm(len(shown), generator=generator)]

    return _cut(passes(), batch, device)


def _cut(passes: Iterator[torch.Tensor], batch: int, device: torch.device) -> Iterator[torch.Tensor]:
    rest = torch.zeros(0, dtype=torch.int64, device=device)
    for rows in passes:
        rest = torch.cat([rest, rows.to(device)])
        whole = len(rest) // batch * batch
        yield from rest[:whole].view(-1, batch)
        rest = rest[whole:]
