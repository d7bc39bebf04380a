"""Our training against its peers, each in its usual form and in a process of its own, in turns within one run.

Three parts: the same network, pictures, batch, optimiser, threads and float32 for all (pictures a second, seconds to an accuracy, peak
memory); MNIST to 99.0 % by the preset Quick look against PyTorch's own example; what the live view and another busy program cost.

Pictures lie in memory for everybody. A peer takes them through Pillow and a DataLoader, Keras from arrays of float32. Subjects whose
library is not installed (pip install -e ".[benchmarks]") are told as such. The bare loop has our quickened layers and the fused
optimiser, so it is the bound of what a loop can reach; the peers take the network as it is built and torch's optimiser as it is called.
"""

from tests.benchmarks.peers.comparing import rows

__all__ = ["rows"]
