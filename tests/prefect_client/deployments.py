"""Deployments by Prefect's own client: serving, deploying, running, schedules, and the commands."""

import os
import subprocess
import sys
import time
from pathlib import Path

from in_process import prefect
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

PROGRAM = Path("program.py")
PROGRAM.write_text(
    """
from prefect import flow

@flow
def greet(name: str, times: int = 1):
    return f"hello {name}" * times
"""
)


def eventually(condition, what):
    for _ in range(600):
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"it never was so: {what}")


def greet():
    return flow.from_source(source=str(Path.cwd()), entrypoint="program.py:greet")


def serving():
    """Runs are executed by a program that serves a flow; its schedule is there while it does."""
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from program import greet; greet.serve('served', cron='0 9 * * *', parameters={'name': 'Ada'}, tags=['s'])",
        ]
    )
    try:
        with get_client(sync_client=True) as client:

            def ready():
                found = client.read_deployments()
                return found and found[0].status.value == "READY" and found[0]

            deployment = eventually(ready, "served and polled")
            assert deployment.tags == ["s"] and deployment.parameters == {"name": "Ada"}, deployment
            assert isinstance(deployment.schedules[0].schedule, CronSchedule), deployment.schedules

        run = run_deployment("greet/served", parameters={"times": 2}, timeout=60, poll_interval=0.2)
        assert run.state.is_completed(), run.state
        assert run.deployment_id == deployment.id and run.parameters == {"name": "Ada", "times": 2}, run
        assert "s" in run.tags, run.tags
    finally:
        program.terminate()
        program.wait()


def refusals():
    try:
        run_deployment("greet/served", parameters={"times": "many"}, timeout=0)
    except Exception as error:
        assert "Validation failed for field 'times'" in str(error), error
    else:
        raise AssertionError("a wrong parameter was taken")
    try:
        run_deployment("greet/nowhere", timeout=0)
    except ObjectNotFound:
        pass
    else:
        raise AssertionError("a deployment that is not there was run")


def deploying():
    prefect("work-pool", "create", "local", "--type", "process")
    identifier = greet().deploy(
        "deployed", work_pool_name="local", parameters={"name": "Grace"}, interval=3600, print_next_steps=False, build=False
    )
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment(identifier)
        assert (deployment.work_pool_name, deployment.work_queue_name) == ("local", "default"), deployment
        run = run_deployment("greet/deployed", timeout=0, tags=["now"])
        assert run.state.is_scheduled() and run.work_queue_id == deployment.work_queue_id, run
        assert run.work_pool_name == "local" and "now" in run.tags, run


def commands():
    assert "greet/deployed" in prefect("deployment", "ls")
    assert "Created flow run" in prefect("deployment", "run", "greet/deployed", "--param", "name=Alan")
    prefect("deployment", "run", "greet/deployed", "--param", "times=many", fails=True)
    prefect("deployment", "schedule", "clear", "greet/deployed", "--accept-yes")
    prefect("deployment", "schedule", "create", "greet/deployed", "--cron", "0 5 * * *", "--timezone", "Europe/Berlin")
    listed = prefect("deployment", "schedule", "ls", "greet/deployed")
    assert "0 5 * * *" in listed, listed
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("greet/deployed")
        [schedule] = deployment.schedules
        prefect("deployment", "schedule", "pause", "greet/deployed", str(schedule.id))
        assert client.read_deployment(deployment.id).schedules[0].active is False
        prefect("deployment", "schedule", "resume", "greet/deployed", str(schedule.id))
        assert client.read_deployment(deployment.id).schedules[0].active is True
        prefect("deployment", "schedule", "delete", "greet/deployed", str(schedule.id), "--accept-yes")
        assert client.read_deployment(deployment.id).schedules == []
        client.pause_deployment(deployment.id)
        assert client.read_deployment(deployment.id).paused
        client.resume_deployment(deployment.id)
        assert not client.read_deployment(deployment.id).paused
    prefect("deploy", "program.py:greet", "--name", "by-command", "--pool", "local", "--cron", "0 0 * * *")
    assert "greet/by-command" in prefect("deployment", "ls")
    prefect("deployment", "delete", "greet/by-command")
    assert "greet/by-command" not in prefect("deployment", "ls")


sys.path.insert(0, str(Path.cwd()))
os.environ["PYTHONPATH"] = str(Path.cwd())
serving()
refusals()
deploying()
commands()
