"""Flows with retries, map, subflows, failures and logs, by Prefect's own client."""

from prefect import flow, get_run_logger, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, LogFilter, LogFilterFlowRunId
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.context import TaskRunContext
from prefect.runtime import flow_run

seen = {}


@task(retries=2, retry_delay_seconds=0)
def double(number):
    get_run_logger().info("doubling %s", number)
    if number == 2 and TaskRunContext.get().task_run.run_count < 2:
        raise ValueError("not at once")
    return 2 * number


@flow
def inner(number):
    seen["inner"] = flow_run.id
    return double(number) + 1


@flow(retries=1, flow_run_name="outer of {numbers}")
def outer(numbers: list[int]):
    seen["outer"] = flow_run.id
    seen["attempts"] = seen.get("attempts", 0) + 1
    doubled = [future.result() for future in double.map(numbers)]
    total = sum(doubled) + inner(10)
    if seen["attempts"] == 1:
        raise RuntimeError("once more")
    return total


@flow
def failing():
    seen["failing"] = flow_run.id
    raise RuntimeError("it does")


def main():
    assert outer([1, 2, 3]) == 33
    assert seen["attempts"] == 2
    assert failing(return_state=True).is_failed()

    with get_client(sync_client=True) as client:
        run = client.read_flow_run(seen["outer"])
        assert run.name == "outer of [1, 2, 3]", run.name
        assert run.state.is_completed() and run.run_count == 2, run
        assert run.parameters == {"numbers": [1, 2, 3]}
        states = [state.name for state in client.read_flow_run_states(run.id)]
        assert states == ["Pending", "Running", "AwaitingRetry", "Running", "Completed"], states

        failed = client.read_flow_run(seen["failing"])
        assert failed.state.is_failed() and "it does" in failed.state.message, failed.state

        of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run.id]))
        tasks = client.read_task_runs(task_run_filter=of_run)
        by_state = {task.name: task.state.name for task in tasks}
        assert set(by_state.values()) == {"Completed"}, by_state
        assert len([name for name in by_state if name.startswith("double-")]) >= 3, by_state
        assert max(task.run_count for task in tasks) == 2, by_state

        child = client.read_flow_run(seen["inner"])
        parent = client.read_task_run(child.parent_task_run_id)
        assert parent.flow_run_id == run.id and parent.state.state_details.child_flow_run_id == child.id

        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id, child.id])))
        assert {run.id, child.id} == {one.id for one in found}

        lines = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
        assert any(line.message == "doubling 2" for line in lines), [line.message for line in lines]


main()
