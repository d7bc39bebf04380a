"""What events make of the state."""

from gui.reducing import jobs, pictures, project, training, using
from gui.reducing.registry import reduce

__all__ = ["jobs", "pictures", "project", "reduce", "training", "using"]
