"""Looks with Prefect's client at what a program in Rust has left on Prefect's server."""

import asyncio

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterName,
)


async def run_of(client, flow):
    filter = FlowFilter(name=FlowFilterName(any_=[flow]))
    runs = await client.read_flow_runs(flow_filter=filter)
    assert len(runs) == 1, (flow, runs)
    return runs[0]


async def tasks_of(client, run):
    return await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])))


async def until(what, condition):
    """Waits for what the server's recorder does behind its acknowledgement."""
    for _ in range(200):
        found = await condition()
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(what)


async def main():
    async with get_client() as client:
        parent = await run_of(client, "rust-parent")
        assert parent.state.is_completed() and parent.run_count == 2, parent
        assert parent.tags == ["rust"], parent.tags

        async def whole():
            tasks = {task.name: task for task in await tasks_of(client, parent)}
            expected = {"once_more-0", "square-0", "square-1", "square-2", "rust-child-0", "hold_a_slot-0"}
            complete = set(tasks) >= expected and all(tasks[name].state.is_completed() for name in expected)
            return tasks if complete else None

        tasks = await until("all task runs are complete", whole)
        retried = tasks["once_more-0"]
        assert retried.run_count == 2 and set(retried.tags) == {"careful", "rust"}, retried
        child = await run_of(client, "rust-child")
        assert child.parent_task_run_id == tasks["rust-child-0"].id
        assert child.parameters == {"number": 5}
        broken = await run_of(client, "rust-broken")
        assert broken.state.is_failed() and "it is broken" in broken.state.message, broken.state

        lines = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[parent.id])))
        messages = [line.message for line in lines]
        assert all(f"squaring {number}" in messages for number in (1, 2, 3)), messages

        artifacts = await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["rust-report"]))
        )
        assert artifacts and artifacts[0].data == "# From Rust", artifacts
        assert artifacts[0].flow_run_id == parent.id
        variable = await client.read_variable_by_name("rust-count")
        assert variable.value == 3, variable
        limit = await client.read_global_concurrency_limit_by_name("rust-places")
        assert (limit.active_slots, limit.limit) == (0, 3), limit

        suspended = await run_of(client, "rust-suspended")
        assert suspended.state.is_completed() and suspended.run_count == 2, suspended

        async def executed():
            tasks = await client.read_task_runs(task_run_filter=TaskRunFilter(name=TaskRunFilterName(any_=["cubed"])))
            return [task for task in tasks if task.state.is_completed() and task.flow_run_id is None]

        await until("the background task is complete", executed)


asyncio.run(main())
