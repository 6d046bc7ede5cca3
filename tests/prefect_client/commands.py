"""Commands of every group of Prefect's, with what each comes to.

Pools and queues, variables and artifacts, and deployments are also in the programs of those names.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import httpx
from in_process import prefect
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.filesystems import LocalFileSystem
from prefect.runtime import flow_run, task_run
from prefect.states import Running, Scheduled

PROGRAM = Path("program.py")
PROGRAM.write_text(
    """
from pathlib import Path

from prefect import flow
from prefect.blocks.core import Block

class Spaceship(Block):
    _block_type_slug = "spaceship"
    crew: int

@flow(log_prints=True)
def greet(name: str, times: int = 1):
    print(f"hello {name}")
    if Path("fail").exists():
        raise ValueError("as it was asked to")
    return times
"""
)
NOWHERE = str(uuid4())
seen = {}


def told(*arguments):
    """Gives what a command says in JSON."""
    return json.loads(prefect(*arguments, "--output", "json"))


def eventually(condition, what):
    for _ in range(300):
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"it never was so: {what}")


def version_and_server():
    assert "3.8.8" in prefect("version")
    status = told("server", "status")
    assert status["status"] == "available" and status["server_version"] == "3.8.8", status
    prefect("server", "services", "ls")


def api():
    flows = json.loads(prefect("api", "POST", "/flows/filter", "--data", '{"limit": 3}'))
    assert flows == [], flows
    created = json.loads(prefect("api", "POST", "/flows/", "--data", '{"name": "by-api"}'))
    assert json.loads(prefect("api", "GET", f"/flows/{created['id']}"))["name"] == "by-api"
    changed = prefect("api", "PATCH", f"/flows/{created['id']}", "--verbose", given='{"tags": ["piped"]}')
    assert "< 204 No Content" in changed, changed
    assert json.loads(prefect("api", "GET", f"/flows/{created['id']}"))["tags"] == ["piped"]
    prefect("api", "DELETE", f"/flows/{created['id']}")
    assert "404" in prefect("api", "GET", f"/flows/{created['id']}", fails=True)
    assert "422" in prefect("api", "POST", "/flows/", "--data", "{}", fails=True)


@task
def step():
    seen["task"] = task_run.id
    get_run_logger().info("a line of the step")


@flow
def walk(steps: int = 1):
    seen["run"] = flow_run.id
    for number in range(30):
        get_run_logger().info("line %d", number)
    for _ in range(steps):
        step()
    create_markdown_artifact("# Walked", key="walked")


def runs():
    walk()
    assert [found["name"] for found in told("flow", "ls", "--limit", "1")] == ["walk"]
    assert "walk" in prefect("flow", "ls")

    run, step_run = str(seen["run"]), str(seen["task"])
    assert "walk" in prefect("flow-run", "ls", "--flow-name", "walk", "--state", "Completed")
    assert [found["id"] for found in told("flow-run", "ls", "--state-type", "COMPLETED")] == [run]
    assert told("flow-run", "ls", "--state", "Late") == []
    inspected = told("flow-run", "inspect", run)
    assert inspected["parameters"] == {"steps": 1} and inspected["state"]["type"] == "COMPLETED", inspected
    prefect("flow-run", "inspect", NOWHERE, fails=True)

    # The lines of a run are sent in batches, behind its end.
    def lines():
        found = told("flow-run", "logs", run)
        return len(found) >= 32 and found

    messages = [line["message"] for line in eventually(lines, "all lines are there")]
    first = [line["message"] for line in told("flow-run", "logs", run, "--head", "--num-logs", "5")]
    assert first == messages[:5], (first, messages)
    last = [line["message"] for line in told("flow-run", "logs", run, "--tail", "--num-logs", "5")]
    assert last == messages[-5:], (last, messages)
    assert "line 3" in prefect("flow-run", "logs", run, "--reverse")
    prefect("flow-run", "logs", NOWHERE, fails=True)
    assert "Completed" in prefect("flow-run", "watch", run)

    assert [found["id"] for found in told("task-run", "ls", "--state", "completed")] == [step_run]
    assert told("task-run", "ls", "--state-type", "FAILED") == []
    assert told("task-run", "inspect", step_run)["flow_run_id"] == run
    assert "a line of the step" in prefect("task-run", "logs", step_run, "--tail")
    prefect("task-run", "inspect", NOWHERE, fails=True)

    with get_client(sync_client=True) as client:
        scheduled = client.create_flow_run(walk, state=Scheduled())
        prefect("flow-run", "cancel", str(scheduled.id))
        assert client.read_flow_run(scheduled.id).state.is_cancelled()
        running = client.create_flow_run(walk, state=Running())
        prefect("flow-run", "cancel", str(running.id))
        assert client.read_flow_run(running.id).state.name == "Cancelling"
        refused = prefect("flow-run", "cancel", run, fails=True)
        assert "unable to be cancelled" in refused, refused
        prefect("flow-run", "cancel", NOWHERE, fails=True)
        prefect("flow-run", "delete", str(scheduled.id))
        prefect("flow-run", "delete", str(scheduled.id), fails=True)
        assert "cannot be retried" in prefect("flow-run", "retry", str(running.id), fails=True)


def deployments():
    prefect("work-pool", "create", "local", "--type", "process")
    prefect("deploy", "program.py:greet", "--name", "made", "--pool", "local", "--param", "name=Ada", "--interval", "3600")
    assert [found["name"] for found in told("deployment", "ls", "greet")] == ["made"]
    assert told("deployment", "ls", "another") == []
    inspected = told("deployment", "inspect", "greet/made")
    assert inspected["work_pool_name"] == "local" and inspected["parameters"] == {"name": "Ada"}, inspected
    prefect("deployment", "inspect", "greet/nowhere", fails=True)

    schedules = told("deployment", "schedule", "ls", "greet/made")
    assert [schedule["schedule"] for schedule in schedules] == ["interval: 1:00:00s"], schedules
    prefect("deployment", "schedule", "create", "greet/made", "--rrule", "FREQ=DAILY;COUNT=3", "--timezone", "Asia/Tokyo")
    prefect("deployment", "schedule", "create", "greet/made", "--cron", "99 * * * *", fails=True)
    assert "FREQ=DAILY" in prefect("deployment", "schedule", "ls", "greet/made")
    assert "Paused 2" in prefect("deployment", "schedule", "pause", "--all")
    assert not any(schedule["active"] for schedule in told("deployment", "schedule", "ls", "greet/made"))
    assert "Resumed 2" in prefect("deployment", "schedule", "resume", "--all")
    replaced = ("--cron", "0 5 * * *", "--replace", "--accept-yes")
    prefect("deployment", "schedule", "create", "greet/made", *replaced)
    [schedule] = told("deployment", "schedule", "ls", "greet/made")
    assert schedule["schedule"] == "cron: 0 5 * * *", schedule
    prefect("deployment", "schedule", "delete", "greet/made", NOWHERE, "--accept-yes", fails=True)
    prefect("deployment", "schedule", "delete", "greet/made", schedule["id"], "--accept-yes")
    prefect("deployment", "schedule", "clear", "greet/made", "--accept-yes")
    assert told("deployment", "schedule", "ls", "greet/made") == []

    said = prefect("deployment", "run", "greet/made", "--params", '{"times": 3}', "--tag", "by-command", "--flow-run-name", "first")
    assert "Created flow run" in said, said
    assert "no parameters" not in prefect("deployment", "run", "greet/made", "--param", "unknown=1", fails=True)
    later = prefect("deployment", "run", "greet/made", "--start-in", "2 hours", "--job-variable", "working_dir=.")
    assert "Created flow run" in later, later
    prefect("deployment", "run", "greet/nowhere", fails=True)
    assert "first" in prefect("work-pool", "preview", "local")
    assert "'default'" in prefect("work-queue", "read-runs", "default", "--pool", "local")

    # A worker takes the run that is due, and leaves when it is done.
    prefect("worker", "start", "--pool", "local", "--run-once", "--type", "process")
    [done] = [run for run in told("flow-run", "ls", "--flow-name", "greet") if run["name"] == "first"]
    assert done["state"]["type"] == "COMPLETED" and done["parameters"] == {"name": "Ada", "times": 3}, done
    assert "by-command" in done["tags"], done
    assert "scheduled for retry" in prefect("flow-run", "retry", "first")
    assert told("flow-run", "inspect", done["id"])["state"]["type"] == "SCHEDULED"

    generated = prefect("sdk", "generate", "--output", "generated.py")
    assert "greet/made" in Path("generated.py").read_text(), generated
    prefect("deployment", "delete", "greet/made")
    prefect("deployment", "delete", "greet/made", fails=True)
    assert "No deployments" in prefect("deployment", "schedule", "pause", "--all")


def a_run_without_deployment_is_retried():
    Path("fail").touch()
    try:
        from program import greet

        failed = greet("Alan", return_state=True)
        assert failed.is_failed()
    finally:
        Path("fail").unlink()
    run = str(failed.state_details.flow_run_id)
    assert "--entrypoint" in prefect("flow-run", "retry", run, fails=True)
    assert "completed successfully" in prefect("flow-run", "retry", run, "--entrypoint", "program.py:greet")


def shell():
    prefect("shell", "watch", "echo walked", "--flow-name", "by-shell", "--tag", "s")
    [run] = told("flow-run", "ls", "--flow-name", "by-shell")
    assert run["state"]["type"] == "COMPLETED" and set(run["tags"]) == {"s", "shell"}, run
    eventually(lambda: "walked" in prefect("flow-run", "logs", run["id"]), "what the shell says is logged")


def pools():
    template = Path("template.json")
    prefect("work-pool", "get-default-base-job-template", "--type", "process", "--file", str(template))
    assert "job_configuration" in json.loads(template.read_text())
    prefect("work-pool", "create", "mine", "--type", "process", "--paused", "--base-job-template", str(template))
    assert told("work-pool", "inspect", "mine")["status"] == "PAUSED"
    prefect("work-pool", "create", "mine", "--type", "process", "--overwrite")
    prefect("work-pool", "update", "mine", "--concurrency-limit", "4", "--description", "ours")
    assert "mine" in [pool["name"] for pool in told("work-pool", "ls", "--verbose")]
    slots = told("work-pool", "slots", "mine")
    assert slots["concurrency_limit"] == 4 and slots["active_slots"] == 0, slots
    prefect("work-pool", "pause", "nowhere", fails=True)
    prefect("work-pool", "storage", "inspect", "mine")

    prefect("work-queue", "create", "fast", "--pool", "mine", "--limit", "2", "--priority", "1")
    prefect("work-queue", "create", "fast", "--pool", "mine", fails=True)
    assert [queue["name"] for queue in told("work-queue", "ls", "--pool", "mine")] == ["fast", "default"]
    assert told("work-queue", "slots", "fast", "--pool", "mine")["concurrency_limit"] == 2
    assert told("work-queue", "inspect", "fast", "--pool", "mine")["priority"] == 1
    assert told("work-queue", "preview", "fast", "--pool", "mine") == []
    prefect("work-queue", "create", "of-an-agent")
    assert "of-an-agent" in prefect("work-queue", "ls", "--match", "of-")
    prefect("work-queue", "set-concurrency-limit", "of-an-agent", "3")
    prefect("work-queue", "pause", "of-an-agent", given="y\n")
    queue = told("work-queue", "inspect", "of-an-agent")
    assert queue["concurrency_limit"] == 3 and queue["is_paused"], queue
    prefect("work-queue", "resume", "of-an-agent")
    prefect("work-queue", "clear-concurrency-limit", "of-an-agent")
    prefect("work-queue", "delete", "of-an-agent")
    prefect("work-queue", "inspect", "of-an-agent", fails=True)


def limits():
    prefect("concurrency-limit", "create", "heavy", "5")
    assert told("concurrency-limit", "inspect", "heavy")["concurrency_limit"] == 5
    assert [limit["tag"] for limit in told("concurrency-limit", "ls")] == ["heavy"]
    prefect("concurrency-limit", "reset", "heavy")
    prefect("concurrency-limit", "delete", "heavy")
    prefect("concurrency-limit", "inspect", "heavy", fails=True)
    prefect("concurrency-limit", "delete", "heavy", fails=True)

    group = "global-concurrency-limit"
    prefect(group, "create", "database", "--limit", "3", "--slot-decay-per-second", "0.5")
    prefect(group, "create", "database", "--limit", "3", fails=True)
    prefect(group, "create", "wrong", "--limit", "-1", fails=True)
    inspected = told(group, "inspect", "database")
    assert (inspected["limit"], inspected["slot_decay_per_second"], inspected["active"]) == (3, 0.5, True), inspected
    prefect(group, "disable", "database")
    prefect(group, "disable", "database", fails=True)
    prefect(group, "enable", "database")
    prefect(group, "update", "database", "--limit", "7", "--active-slots", "2")
    assert [(limit["name"], limit["limit"], limit["active_slots"]) for limit in told(group, "ls")] == [("database", 7, 2)]
    prefect(group, "delete", "database")
    prefect(group, "inspect", "database", fails=True)


def blocks():
    assert "Successfully registered 1 block" in prefect("block", "register", "--file", "program.py")
    assert "Successfully registered" in prefect("block", "register", "--module", "prefect.blocks.system")
    types = told("block", "type", "ls")
    assert {"spaceship", "secret", "local-file-system", "slack-webhook"} <= {kind["slug"] for kind in types}, types
    assert "crew" in json.dumps(told("block", "type", "inspect", "spaceship"))
    prefect("block", "type", "inspect", "nowhere", fails=True)
    assert "/blocks/catalog/spaceship/create" in prefect("block", "create", "spaceship").replace("\n", "")

    Secret(value="never shown").save("mine")
    assert "secret/mine" in prefect("block", "ls")
    assert "never shown" not in prefect("block", "inspect", "secret/mine")
    [document] = told("block", "ls")
    assert told("block", "inspect", "--id", document["id"])["name"] == "mine"
    prefect("block", "inspect", "secret/nowhere", fails=True)

    storage = ("experimental", "result-storage")
    Path("results").mkdir()
    kept = LocalFileSystem(basepath=str(Path("results").absolute())).save("results")
    prefect(*storage, "set", "local-file-system/results")
    assert told(*storage, "inspect") == {"default_result_storage_block_id": str(kept), "block": "local-file-system/results"}
    prefect(*storage, "clear")
    assert told(*storage, "inspect")["default_result_storage_block_id"] is None

    prefect("block", "delete", "--id", str(kept))
    prefect("block", "delete", "secret/mine")
    prefect("block", "delete", "secret/mine", fails=True)
    assert "protected" in prefect("block", "type", "delete", "secret", fails=True)
    prefect("block", "type", "delete", "spaceship")
    prefect("block", "type", "delete", "spaceship", fails=True)


def variables_and_artifacts():
    prefect("variable", "set", "speed", '{"knots": 12}', "--tag", "fast")
    assert told("variable", "inspect", "speed")["tags"] == ["fast"]
    assert [variable["value"] for variable in told("variable", "ls")] == [{"knots": 12}]
    prefect("variable", "delete", "speed")
    prefect("variable", "get", "speed", fails=True)

    [artifact] = told("artifact", "ls")
    assert artifact["key"] == "walked", artifact
    assert [version["data"] for version in told("artifact", "inspect", "walked")] == ["# Walked"]
    prefect("artifact", "delete", "walked")
    prefect("artifact", "delete", "walked", fails=True)
    assert told("artifact", "ls") == []


def automations():
    automation = {
        "name": "watch",
        "trigger": {"type": "event", "expect": ["a.thing"], "posture": "Reactive", "threshold": 2, "within": 10},
        "actions": [{"type": "do-nothing"}],
    }
    assert "Created automation 'watch'" in prefect("automation", "create", "--from-json", json.dumps(automation))
    listed = prefect("automation", "ls")
    assert "watch" in listed, listed
    [inspected] = json.loads(prefect("automation", "inspect", "watch", "--json"))
    assert inspected["trigger"]["threshold"] == 2 and inspected["enabled"], inspected
    prefect("automation", "pause", "watch")
    assert not json.loads(prefect("automation", "inspect", "--id", inspected["id"], "--json"))["enabled"]
    prefect("automation", "resume", "--id", inspected["id"])
    file = Path("automation.yaml")
    file.write_text(json.dumps({**automation, "name": "watched", "description": "anew"}))
    prefect("automation", "update", "--id", inspected["id"], "--from-file", str(file))
    assert "description: anew" in prefect("automation", "inspect", "watched", "--yaml")
    prefect("automation", "update", "--id", NOWHERE, "--from-file", str(file), fails=True)
    prefect("automation", "inspect", "nowhere", fails=True)
    prefect("automation", "delete", "watched")
    prefect("automation", "delete", "watched", fails=True)
    several = {"automations": [automation, {**automation, "name": "another"}]}
    assert "Created 2" in prefect("automation", "create", "--from-json", json.dumps(several))
    prefect("automation", "delete", "--all")
    assert prefect("automation", "ls").count("watch") == 0


def events():
    command = [sys.executable, "-u", "-m", "prefect", "events", "stream", "--format", "text"]
    listener = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert "Subscribing" in listener.stdout.readline()

        # When the listener listens is not told: it is called until it answers.
        def heard():
            said = prefect("event", "emit", "ship.sailed", "--resource-id", "ship.1", "--payload", '{"to": "sea"}')
            assert "Successfully emitted" in said, said
            with get_client(sync_client=True) as client:
                wanted = {"filter": {"event": {"name": ["ship.sailed"]}}}
                return client.request("POST", "/events/filter", json=wanted).json()["total"] > 0

        eventually(heard, "the event is kept")
        lines = []
        reading = threading.Thread(target=lambda: lines.append(next(line for line in listener.stdout if "ship" in line)))
        reading.start()
        while reading.is_alive():
            prefect("events", "emit", "ship.sailed", "--resource", '{"prefect.resource.id": "ship.1"}')
            reading.join(0.3)
        assert "ship.sailed ship.1" in lines[0], lines
    finally:
        listener.terminate()
        listener.wait()
    prefect("event", "emit", "ship.sailed", fails=True)


def profiles_and_settings():
    here, there = os.environ["PREFECT_API_URL"], os.environ["OTHER_API_URL"]
    prefect("profile", "create", "here")
    prefect("profile", "create", "here", fails=True)
    prefect("--profile", "here", "config", "set", f"PREFECT_API_URL={here}")
    prefect("profile", "create", "there", "--from", "here")
    prefect("--profile", "there", "config", "set", f"PREFECT_API_URL={there}")
    assert here in prefect("profile", "inspect", "here") and there in prefect("profile", "inspect", "there")
    assert "Connected" in prefect("profile", "use", "here")
    assert {"here", "there"} <= set(prefect("profile", "ls").replace("*", " ").split())
    assert "Configuration valid" in prefect("config", "validate")
    assert here in prefect("config", "view", "--show-defaults")
    prefect("config", "set", "PREFECT_NO_SUCH=1", fails=True)
    prefect("profile", "rename", "there", "elsewhere")
    prefect("profile", "delete", "nowhere", fails=True)


def transfer():
    """What stands alone goes to another server, and is left as it is there the second time."""
    prefect("work-pool", "create", "moved", "--type", "process")
    prefect("variable", "set", "moved", "1")
    prefect("global-concurrency-limit", "create", "moved", "--limit", "3")
    # Both addresses are those of the profiles.
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    command = [sys.executable, "-m", "prefect", "--no-prompt", "transfer", "--from", "here", "--to", "elsewhere"]

    def move():
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0 and "Failed" not in done.stdout, (done.stdout, done.stderr)
        return done.stdout

    first = move()
    for moved in ("work-pool/moved", "variable/moved", "concurrency-limit/moved"):
        assert moved in first, first
    with httpx.Client(base_url=os.environ["OTHER_API_URL"]) as other:
        assert other.get("/variables/name/moved").json()["value"] == 1
        assert other.get("/v2/concurrency_limits/moved").json()["limit"] == 3
        assert other.get("/work_pools/moved").json()["type"] == "process"
    second = move()
    assert second.count("Already exists") >= 3, second


sys.path.insert(0, str(Path.cwd()))
# With names, only these groups are gone through.
wanted = sys.argv[1:]
for group in (
    version_and_server,
    api,
    runs,
    deployments,
    a_run_without_deployment_is_retried,
    shell,
    pools,
    limits,
    blocks,
    variables_and_artifacts,
    automations,
    events,
    profiles_and_settings,
    transfer,
):
    if wanted and group.__name__ not in wanted:
        continue
    began = time.monotonic()
    group()
    print(f"{group.__name__}: {time.monotonic() - began:.1f} s", flush=True)
