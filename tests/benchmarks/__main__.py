"""python -m tests.benchmarks [--quick] [NAME …]: print the table. A new row is a generator of Row in BENCHMARKS."""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the program

from tests.benchmarks import cifar, feeding, importing, labels, peers, pictures, throughput, window
from tests.benchmarks.measuring import Benchmark, Row, table

BENCHMARKS: tuple[Benchmark, ...] = (
    throughput.rows,
    feeding.rows,
    importing.rows,
    labels.rows,
    pictures.rows,
    window.rows,
    peers.rows,
    cifar.rows,
)
NAMES = {benchmark.__module__.split(".")[2]: benchmark for benchmark in BENCHMARKS}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="fewer steps and repeats")
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default")
    options = parser.parse_args()
    if unknown := set(options.only) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for name, benchmark in NAMES.items():
        if not options.only or name in options.only:
            rows.extend(benchmark(options.quick))
    print(table(rows))


if __name__ == "__main__":
    main()
