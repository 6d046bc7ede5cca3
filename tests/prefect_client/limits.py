"""Concurrency limits by Prefect's own client: context managers, tags, and the commands."""

import os
import subprocess
import sys
import threading
import time

from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency, rate_limit

present = {"inside": 0, "most": 0}
lock = threading.Lock()


def inside():
    with lock:
        present["inside"] += 1
        present["most"] = max(present["most"], present["inside"])
    time.sleep(0.05)
    with lock:
        present["inside"] -= 1


@task
def guarded(number):
    with concurrency("db", occupy=1, strict=True):
        inside()
    return number


@task(tags=["narrow"])
def tagged(number):
    inside()
    return number


@flow
def crowd():
    return [future.result() for future in guarded.map(range(3))]


@flow
def tagged_crowd():
    return [future.result() for future in tagged.map(range(2))]


@flow
def paced():
    for _ in range(3):
        rate_limit("pace")


def prefect(*arguments, fails=False):
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run([sys.executable, "-m", "prefect", *arguments], capture_output=True, text=True, env=environment)
    assert (done.returncode != 0) == fails, (arguments, done.stdout, done.stderr)
    return done.stdout


def main():
    with get_client(sync_client=True) as client:
        for name, limit, decay in [("db", 1, 0.0), ("pace", 1, 5.0)]:
            client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name=name, limit=limit, slot_decay_per_second=decay)
            )
        client.create_concurrency_limit("narrow", 1)

        assert crowd() == [0, 1, 2]
        assert present["most"] == 1, present
        assert tagged_crowd() == [0, 1]
        assert present["most"] == 1, present
        began = time.monotonic()
        paced()
        assert time.monotonic() - began > 0.3, "three in turn at five a second"

        assert client.read_global_concurrency_limit_by_name("db").active_slots == 0
        assert client.read_concurrency_limit_by_tag("narrow").active_slots == []

    prefect("gcl", "create", "disk", "--limit", "5")
    assert "disk" in prefect("gcl", "ls")
    prefect("gcl", "update", "disk", "--limit", "7")
    assert "limit=7" in prefect("gcl", "inspect", "disk").replace(" ", "")
    prefect("gcl", "disable", "disk")
    prefect("--no-prompt", "gcl", "delete", "disk")
    prefect("gcl", "inspect", "disk", fails=True)
    prefect("concurrency-limit", "create", "wide", "11")
    assert "wide" in prefect("concurrency-limit", "ls")
    assert "11" in prefect("concurrency-limit", "inspect", "wide")
    prefect("concurrency-limit", "reset", "wide")
    prefect("concurrency-limit", "delete", "wide")


main()
