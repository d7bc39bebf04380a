"""python -m tests.benchmarks [--quick]: print the table. A new row is a generator of Row in BENCHMARKS."""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the program

from tests.benchmarks import importing, labels, pictures, throughput, window
from tests.benchmarks.measuring import Benchmark, Row, table

BENCHMARKS: tuple[Benchmark, ...] = (throughput.rows, importing.rows, labels.rows, pictures.rows, window.rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="fewer steps and repeats")
    quick = parser.parse_args().quick
    rows: list[Row] = []
    for benchmark in BENCHMARKS:
        rows.extend(benchmark(quick))
    print(table(rows))


if __name__ == "__main__":
    main()
