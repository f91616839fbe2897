"""Engines: every unit comes back once, as a result or as a failure, whatever happens to the workers."""

import gc
import os
import signal
import time

import pytest

from robustfit.engines import Dask, Serial
from robustfit.errors import Failure, RobustfitError


def work(unit):
    if unit == "raise":
        raise ValueError("no")
    if unit == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return unit * 2


def test_serial_yields_results_and_failures_in_order():
    results = list(Serial().run(work, [1, "raise", 3]))
    assert [index for index, _ in results] == [0, 1, 2]
    assert results[0][1] == 2 and results[2][1] == 6
    assert isinstance(results[1][1], Failure) and results[1][1].reason == "ValueError: no"
    assert "test_engines" in results[1][1].details


def test_no_units_need_no_cluster():
    assert list(Dask().run(work, [])) == []


@pytest.mark.slow
def test_a_unit_that_kills_its_worker_is_a_failure_and_the_others_complete():
    units = [1, 2, "kill", "raise", *range(5, 30)]
    results = dict(Dask(workers=2, retries=1).run(work, units))
    assert sorted(results) == list(range(len(units)))
    failed = {index for index, result in results.items() if isinstance(result, Failure)}
    assert failed == {2, 3} and "worker died" in results[2].reason
    assert all(results[index] == work(unit) for index, unit in enumerate(units) if index not in failed)


@pytest.mark.slow
def test_an_address_where_nobody_answers_is_said_within_seconds():
    started = time.monotonic()
    with pytest.raises(RobustfitError, match="engine.address=tcp://127.0.0.1:9: no Dask scheduler answers") as raised:
        list(Dask(address="tcp://127.0.0.1:9", timeout=1.0).run(work, [1]))
    assert "\n" not in str(raised.value) and time.monotonic() - started < 20


@pytest.mark.parametrize("address", ["nonsense://somewhere", "tcp://"])
def test_an_address_that_is_none_is_said(address):
    with pytest.raises(RobustfitError, match="no Dask scheduler answers"):
        list(Dask(address=address, timeout=1.0).run(work, [1]))


@pytest.mark.slow
def test_a_scheduler_without_workers_is_said():
    from distributed import LocalCluster

    place = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=0, **place) as cluster:
        with pytest.raises(RobustfitError, match="the scheduler there has no workers"):
            list(Dask(address=cluster.scheduler_address, timeout=1.0).run(work, [1]))


@pytest.mark.slow
def test_an_engine_that_is_open_runs_more_than_once():
    with Dask(workers=1).open() as runner:
        for units in ([1, 2, 3], [], [4]):
            assert dict(runner.run(work, units)) == {index: 2 * unit for index, unit in enumerate(units)}


@pytest.mark.parametrize("address", ["nonsense://somewhere", "tcp://"])
def test_a_client_that_could_not_be_made_is_not_left_to_the_garbage_collector(address):
    """Collected while Dask starts a loop, it waits for a lock that its own thread holds, for ever."""
    from distributed import Client

    gc.disable()
    try:
        with pytest.raises(RobustfitError, match="no Dask scheduler answers"):
            list(Dask(address=address, timeout=1.0).run(work, [1]))
        assert not [thing for thing in gc.get_objects() if type(thing) is Client and thing.status != "closed"]
    finally:
        gc.enable()
