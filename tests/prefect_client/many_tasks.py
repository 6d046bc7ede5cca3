"""A flow of many tasks, while the server is killed again and again: argument is how many.

Prefect's client sends again what it was not told of when it sees that its connection is lost, which it sees when it sends
the next event. So it says when the flow has ended, waits until its input is closed, which tells that the server
stays, and sends one more.
"""

import sys
import time

from prefect import flow, task
from prefect.events import emit_event
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner


@task
def work(number):
    time.sleep(0.005 * (number % 3))
    return number


@flow(task_runner=ThreadPoolTaskRunner(max_workers=8))
def many(count: int):
    total = sum(future.result() for future in work.map(range(count)))
    assert total == sum(range(count)), total
    return str(flow_run.id)


print("flow run", many(int(sys.argv[1])), flush=True)
sys.stdin.read()
emit_event("proof.ended", resource={"prefect.resource.id": "proof.client"})
