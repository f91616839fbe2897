"""Where blocks run: in this process, or on a Dask cluster, on this machine or elsewhere.

One interface: `run(function, units)` yields (index, result or Failure) once per unit, as they end. The function is a
pure module-level function of plain data, so that a unit may be tried again; only the caller writes.
"""

from __future__ import annotations

import itertools
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from robustfit.errors import Failure, RobustfitError
from robustfit.parameters import Parametrised, parameter


class Engine(Parametrised, ABC):
    """A place where units of work are computed."""

    @abstractmethod
    def run(self, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """The units' results or failures, each index once, in the order in which they end."""


def attempt(function: Callable[[Any], Any], unit: Any) -> Any:
    """The result of one unit, or its failure as a value.

    >>> attempt(lambda unit: 1 / unit, 0).reason
    'ZeroDivisionError: division by zero'
    """
    try:
        return function(unit)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


@dataclass(frozen=True)
class Serial(Engine):
    """In this process, one unit after the other."""

    def run(self, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for index, unit in enumerate(units):
            yield index, attempt(function, unit)


@dataclass(frozen=True)
class Dask(Engine):
    """On a Dask cluster: one of this machine's cores when no address is given, else the one at the address.

    A killed worker's units are computed again elsewhere; a unit that kills its worker every time comes back as a
    failure. At most `window` units per worker are in flight, so that memory does not grow with the study. Everything a
    local cluster opens is on the loopback interface.

    Args:
        address: of a scheduler, such as tcp://host:8786; null starts workers on this machine.
        workers: how many of them; null is one per core.
        retries: how often a unit is tried again when its worker dies.
        window: units in flight per worker.
        timeout: seconds to wait for the scheduler.
    """

    address: str | None = None
    workers: int | None = parameter(None, at_least=1)
    retries: int = parameter(2, at_least=0)
    window: int = parameter(4, at_least=1)
    timeout: float = parameter(30.0, above=0)

    def run(self, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        if not units:
            return
        client = self._client()
        try:
            _check_versions(client)
            yield from self._stream(client, function, units)
        finally:
            cluster = client.cluster
            client.close()
            if self.address is None:
                cluster.close()

    def _client(self) -> Any:
        import dask
        from distributed import Client, LocalCluster

        dask.config.set({"distributed.scheduler.allowed-failures": self.retries})
        if self.address is not None:
            try:
                return Client(self.address, timeout=self.timeout)
            except (OSError, ValueError) as error:
                raise RobustfitError(f"engine.address={self.address}: no Dask scheduler answers ({error})") from error
        loopback = "127.0.0.1:0"
        cluster = LocalCluster(
            n_workers=self.workers, threads_per_worker=1, host="127.0.0.1", silence_logs=50,
            dashboard_address=loopback, worker_dashboard_address=loopback, env=SINGLE_THREAD,
        )  # fmt: skip
        return Client(cluster, timeout=self.timeout)

    def _stream(self, client: Any, function: Callable[[Any], Any], units: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """All units, a bounded number in flight; those whose worker died are then tried alone, one by one.

        A worker takes those that wait for it with it when it dies: only alone is it seen which of them kills it.
        """
        ahead = self.window * max(1, len(client.scheduler_info()["workers"]))
        suspects = []
        for index, result in _flight(client, function, units, range(len(units)), ahead):
            if isinstance(result, Failure) and result.reason.startswith(DIED):
                suspects.append(index)
            else:
                yield index, result
        yield from _flight(client, function, units, suspects, 1)


DIED = "the worker died"

SINGLE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
"""One thread inside a block: the workers are the parallelism."""


def _flight(
    client: Any, function: Callable[[Any], Any], units: Sequence[Any], indices: Sequence[int], ahead: int
) -> Iterator[tuple[int, Any]]:
    """The results of some units as they end, so many of them submitted at a time."""
    from distributed import as_completed

    waiting, places, done = iter(indices), {}, as_completed()

    def submit(count: int) -> None:
        for index in itertools.islice(waiting, count):
            future = client.submit(attempt, function, units[index], pure=False)
            places[future.key] = index
            done.add(future)

    submit(ahead)
    for future in done:
        yield places.pop(future.key), _result(future)
        submit(1)


def _result(future: Any) -> Any:
    """What a future holds; the failure where its worker died too often."""
    error = future.exception()
    if error is None:
        return future.result()
    return Failure(f"{DIED} ({type(error).__name__})", str(error))


def _check_versions(client: Any) -> None:
    """Refuse workers that compute with another robustfit or NumPy.

    Raises:
        RobustfitError: names the versions.
    """
    here = versions()
    for worker, there in client.run(versions).items():
        if there != here:
            raise RobustfitError(f"worker {worker} has {there}, this process {here}: they must be the same")


def versions() -> dict[str, str]:
    """The versions that decide the numbers.

    >>> sorted(versions())
    ['numpy', 'robustfit', 'scipy']
    """
    from importlib.metadata import version

    import robustfit

    return {"robustfit": robustfit.__version__, "numpy": version("numpy"), "scipy": version("scipy")}
