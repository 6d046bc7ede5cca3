"""Prefect's own workers take runs of deployments: `prefect worker start --type process`."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import LogFilter, WorkerFilter
from prefect.states import Scheduled

CODE = '''
import os, pathlib, time
from prefect import flow, get_run_logger, runtime, task

FOLDER = pathlib.Path(__file__).parent

@task
def double(x):
    return 2 * x

@flow
def shop(x: int = 1):
    get_run_logger().info("sold %s", x)
    (FOLDER / f"{runtime.flow_run.id}.{os.getpid()}").touch()
    return double(x)

@flow
def sleeper():
    (FOLDER / "sleeper.pid").write_text(str(os.getpid()))
    time.sleep(300)
'''


def prefect(*arguments):
    done = subprocess.run([sys.executable, "-m", "prefect", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


@contextlib.contextmanager
def worker(name, pool, *arguments):
    """A worker that runs until the block ends, and then has to end by itself when it is asked to."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--name", name, "--pool", pool, *arguments]
    environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_HEARTBEAT_SECONDS": "2"}
    environment["PREFECT_LOGGING_LEVEL"] = "DEBUG"
    log = pathlib.Path(f"{name}.log").open("w+")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process, log
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            # Prefect's worker may lose the interrupt that it makes of this signal, when that meets a cancellation of its own, and
            # works on as if nothing had been said. One that hangs, which could be the server's fault, works no more.
            behind = pathlib.Path(f"{name}.log").read_text().partition("Received SIGINT")[2]
            if behind.count("Querying for flow runs") < 10:
                raise
            print(f"the worker {name} has lost its interrupt")
    except BaseException:
        log.seek(0)
        print(log.read())
        raise
    finally:
        process.kill()


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, what
        time.sleep(0.1)
    return found


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def main():
    folder = pathlib.Path(tempfile.mkdtemp(dir="."))
    folder = folder.resolve()
    (folder / "flows.py").write_text(CODE)
    with contextlib.ExitStack() as stack, get_client(sync_client=True) as client:
        # The pool `one` is made by its worker.
        client.create_work_pool(WorkPoolCreate(name="many", type="process"))
        workers = [("a", "many"), ("b", "many"), ("c", "one", "--type", "process", "--limit", "1")]
        logs = [stack.enter_context(worker(*arguments))[1] for arguments in workers]
        until(lambda: "one" in {pool.name for pool in client.read_work_pools()})

        def deploy(flow, pool):
            deployed = Flow.from_source(source=str(folder), entrypoint=f"flows.py:{flow}")
            return deployed.deploy(name=pool, work_pool_name=pool, print_next_steps=False)

        many, one, sleeper = deploy("shop", "many"), deploy("shop", "one"), deploy("sleeper", "many")
        create = client.create_flow_run_from_deployment
        runs = [create(many, parameters={"x": x}).id for x in range(2)]
        narrow = [create(one, parameters={"x": x}, state=Scheduled()).id for x in range(2)]
        sleeping = create(sleeper).id

        until(lambda: (folder / "sleeper.pid").exists() and (folder / "sleeper.pid").read_text())
        pid = int((folder / "sleeper.pid").read_text())
        until(lambda: client.read_flow_run(sleeping).state.is_running())
        assert is_alive(pid)
        prefect("flow-run", "cancel", str(sleeping))
        until(lambda: client.read_flow_run(sleeping).state.name == "Cancelled")
        until(lambda: not is_alive(pid))

        until(lambda: all(client.read_flow_run(run).state.is_completed() for run in runs + narrow), 90)
        for run in runs + narrow:
            executed = list(folder.glob(f"{run}.*"))
            run = client.read_flow_run(run)
            assert len(executed) == 1 and run.run_count == 1, (executed, run)
            logged = LogFilter(flow_run_id={"any_": [run.id]})
            sold = f"sold {run.parameters['x']}"
            # The run's process sends the last lines when the run has ended.
            until(lambda: sold in [line.message for line in client.read_logs(logged)])
            names = [state.name for state in client.read_flow_run_states(run.id)]
            assert names == ["Scheduled", "Pending", "Submitting", "Running", "Completed"], names
        first, second = sorted((client.read_flow_run(run) for run in narrow), key=lambda run: run.start_time)
        assert first.end_time <= second.start_time, "the worker has one place"
        for pool, names in [("many", {"a", "b"}), ("one", {"c"})]:
            online = client.read_workers_for_work_pool(pool, worker_filter=WorkerFilter(status={"any_": ["ONLINE"]}))
            assert {worker.name for worker in online} == names, online
            assert client.read_work_pool(pool).status == "READY"
            assert client.read_work_pool(pool).base_job_template["job_configuration"]
    for log in logs:
        log.seek(0)
        text = log.read()
        assert "Worker channel disabled" not in text and "fallback is active" not in text, text
        assert "Skipping REST worker heartbeat because the worker channel is healthy" in text, text


main()
