"""Events, automations, live logs and background tasks, by Prefect's own client and command."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time

from prefect import flow, get_run_logger, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.events import emit_event
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter, EventRelatedFilter, EventResourceFilter
from prefect.logging.clients import get_logs_subscriber
from prefect.logging.handlers import APILogWorker
from prefect.task_worker import serve


@task(persist_result=True)
def add(one: int, two: int) -> int:
    get_run_logger().info("adding in the background")
    return one + two


@flow
def shop(closing: bool):
    emit_event("shop.opened", resource={"prefect.resource.id": "shop.1"}, payload={"closing": closing})
    get_run_logger().info("the shop is open")


def command(*arguments):
    done = subprocess.run([sys.executable, "-m", "prefect", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


async def find(filter):
    async with get_client() as client:
        for _ in range(100):
            answer = await client._client.post("/events/filter", json={"filter": filter.model_dump(mode="json")})
            answer.raise_for_status()
            if answer.json()["total"]:
                return answer.json()["events"]
            await asyncio.sleep(0.1)
    raise AssertionError(f"nothing is found by {filter}")


async def events_are_told_and_found():
    names = EventNameFilter(name=["shop.opened", "prefect.flow-run.Completed"])
    heard = []
    async with get_events_subscriber(filter=EventFilter(event=names)) as subscriber:
        await asyncio.to_thread(shop, True)
        async for event in subscriber:
            heard.append(event)
            if {event.event for event in heard} == set(names.name):
                break
    assert len({event.id for event in heard}) == 2, heard
    told = next(event for event in heard if event.event == "shop.opened")
    assert told.payload == {"closing": True}
    run = next(event for event in heard if event.event != "shop.opened").resource.id
    # The event is related to the run that it was told in.
    related = EventFilter(related=EventRelatedFilter(id=[run]), event=EventNameFilter(prefix=["shop."]))
    assert [event["id"] for event in await find(related)] == [str(told.id)]
    completed = await find(EventFilter(resource=EventResourceFilter(id=[run]), event=EventNameFilter(name=[names.name[1]])))
    assert completed[0]["payload"]["intended"]["to"] == "COMPLETED", completed
    print("events are told and found")


async def log_lines_are_heard():
    async with get_client() as client:
        run = await client.create_flow_run(shop, parameters={"closing": False})

        async def speak():
            while True:
                line = {"name": "shop", "level": 20, "message": "hear, hear", "flow_run_id": str(run.id)}
                line["timestamp"] = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}+00:00"
                (await client._client.post("/logs/", json=[line])).raise_for_status()
                await asyncio.sleep(0.1)

        filter = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
        async with get_logs_subscriber(filter=filter) as subscriber:
            speaking = asyncio.create_task(speak())
            async for line in subscriber:
                assert line.message == "hear, hear"
                break
            speaking.cancel()
    print("log lines are heard")


def events_are_streamed():
    stream = subprocess.Popen(
        [sys.executable, "-u", "-m", "prefect", "event", "stream", "--format", "json"], stdout=subprocess.PIPE, text=True
    )
    said = threading.Event()

    def emit():
        while not said.wait(0.3):
            emit_event("shop.closed", resource={"prefect.resource.id": "shop.1"})

    threading.Thread(target=emit, daemon=True).start()
    line = next(line for line in stream.stdout if line.startswith("{"))
    said.set()
    stream.kill()
    assert json.loads(line)["event"], line
    print("events are streamed")


def automations_are_managed():
    automation = {
        "name": "restart",
        "trigger": {"type": "event", "posture": "Reactive", "expect": ["shop.closed"], "threshold": 2, "within": 60},
        "actions": [{"type": "do-nothing"}],
    }
    command("automation", "create", "--from-json", json.dumps(automation))
    assert "restart" in command("automation", "ls")

    def inspect():
        shown = json.loads(command("automation", "inspect", "restart", "--output", "json"))
        return shown[0] if isinstance(shown, list) else shown

    assert inspect()["trigger"]["expect"] == ["shop.closed"] and inspect()["enabled"], inspect()
    command("automation", "pause", "restart")
    assert not inspect()["enabled"]
    command("automation", "resume", "restart")
    assert inspect()["enabled"]
    command("--no-prompt", "automation", "delete", "restart")
    assert "restart" not in command("automation", "ls")
    print("automations are managed")


def background_tasks_are_executed():
    # Results are where the worker and whoever waits find them.
    futures = [add.delay(number, 1) for number in range(3)]
    worker = subprocess.Popen([sys.executable, __file__, "worker"])
    try:
        futures += [add.delay(number, 1) for number in range(3, 6)]
        results = []
        for future in futures:
            future.wait(timeout=60)
            results.append(future.result(timeout=60))
        assert results == [1, 2, 3, 4, 5, 6], results
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(timeout=20)
        except subprocess.TimeoutExpired:
            worker.kill()
    print("background tasks are executed")


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        # Prefect 3.8.8 takes one lock for making this service and the one of events: when a task's thread makes this one, which
        # waits for the event loop, while the event loop wants the other, the worker stands still for ever. So it is made here.
        APILogWorker.instance()
        serve(add)
    else:
        asyncio.run(events_are_told_and_found())
        asyncio.run(log_lines_are_heard())
        background_tasks_are_executed()
        events_are_streamed()
        automations_are_managed()
        os._exit(0)
