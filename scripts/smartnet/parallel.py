"""Work on many files or cases in several processes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

Result = TypeVar("Result")


def map_processes(
    function: Callable[..., Result], *arguments: Sequence[Any], threads: int, chunk: int = 1
) -> Iterator[Result]:
    """Call a function for each element of one or more equally long sequences; results in their order.

    Args:
        function: can be pickled, and gives the same wherever it runs.
        *arguments: one sequence per positional argument.
        threads: number of processes; 1, or no more than one chunk of work, stays in this process.
        chunk: elements per message to a process.

    Yields:
        the results, each as soon as it and all before it are there.
    """
    pieces = -(-len(arguments[0]) // chunk)
    if threads <= 1 or pieces <= 1:
        yield from map(function, *arguments)
        return
    # Other start methods import the caller's main script again, which a workflow script does not survive.
    with ProcessPoolExecutor(min(threads, pieces), mp_context=get_context("fork")) as pool:
        yield from pool.map(function, *arguments, chunksize=chunk)
