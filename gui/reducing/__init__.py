"""What events make of the state."""

from gui.reducing import jobs, networks, pictures, project, training, using
from gui.reducing.registry import reduce

__all__ = ["jobs", "networks", "pictures", "project", "reduce", "training", "using"]
