"""Pauses with input, cancellation, and the commands that look after runs, by Prefect's own client."""

import os
import subprocess
import sys
import threading
import time

from prefect import flow, pause_flow_run, resume_flow_run, task
from prefect.client.orchestration import get_client
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Cancelling, Pending

seen = {}


class Answer(RunInput):
    number: int
    why: str = "because"


@task
def double(number):
    return 2 * number


@flow
def asking():
    seen["asking"] = flow_run.id
    answer = pause_flow_run(wait_for_input=Answer, timeout=60, poll_interval=1)
    return double(answer.number), answer.why


@flow
def pausing():
    seen["pausing"] = flow_run.id
    pause_flow_run(timeout=60, poll_interval=1)
    return "behind"


def when_paused(name, then):
    """Does something in a thread when a run is paused."""

    def wait():
        with get_client(sync_client=True) as client:
            for _ in range(600):
                if name in seen and client.read_flow_run(seen[name]).state.is_paused():
                    then(client, seen[name])
                    return
                time.sleep(0.1)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def answer(client, run):
    refused = client.resume_flow_run(run, run_input={"number": "many"})
    assert refused.status.value == "REJECT", refused
    assert "number" in refused.details.reason, refused
    accepted = client.resume_flow_run(run, run_input={"number": 21})
    assert accepted.status.value == "ACCEPT", accepted


def prefect(*arguments):
    """Runs the command and gives what it prints."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "400"})
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def main():
    waiting = when_paused("asking", answer)
    assert asking() == (42, "because")
    waiting.join()
    waiting = when_paused("pausing", lambda client, run: resume_flow_run(run))
    assert pausing() == "behind"
    waiting.join()

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(seen["asking"])
        states = [state.type.value for state in client.read_flow_run_states(run.id)]
        assert states == ["PENDING", "RUNNING", "PAUSED", "RUNNING", "COMPLETED"], states
        assert len(run.empirical_policy.pause_keys) == 1, run.empirical_policy

        waiting = client.create_flow_run(pausing, state=Pending())
        client.set_flow_run_state(waiting.id, Cancelling())
        assert client.read_flow_run(waiting.id).state.is_cancelling()

    assert run.name in prefect("flow-run", "ls")
    assert str(run.id) in prefect("flow-run", "inspect", str(run.id))
    assert "Finished" in prefect("flow-run", "logs", str(run.id))
    assert "asking" in prefect("flow", "ls")
    assert "double" in prefect("task-run", "ls")
    prefect("flow-run", "delete", str(run.id))
    assert run.name not in prefect("flow-run", "ls")


main()
