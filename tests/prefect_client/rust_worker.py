"""What a worker in Rust has done on Prefect's own server, as Prefect's client sees it."""

import sys

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter

with get_client(sync_client=True) as client:
    pool = client.read_work_pool("default")
    assert pool.type == "process" and pool.status == "READY", pool
    assert "working_dir" in pool.base_job_template["variables"]["properties"], pool.base_job_template
    [worker] = client.read_workers_for_work_pool("default")
    assert worker.name == sys.argv[1] and worker.status == "ONLINE" and worker.heartbeat_interval_seconds == 15, worker

    deployment = client.read_deployment_by_name("report/nightly")
    assert deployment.work_pool_name == "default" and deployment.tags == ["nightly"], deployment
    assert deployment.parameter_openapi_schema["required"] == ["region"], deployment
    assert [schedule.schedule.interval.total_seconds() for schedule in deployment.schedules] == [86400.0], deployment

    runs = [run for run in client.read_flow_runs() if run.state.is_final()]
    assert sorted(run.state.name for run in runs) == ["Cancelled", "Completed", "Crashed"], runs
    assert all(run.work_pool_name == "default" and run.run_count == 1 and run.infrastructure_pid for run in runs), runs
    [completed] = [run for run in runs if run.state.is_completed()]
    names = [state.name for state in client.read_flow_run_states(completed.id)]
    assert names == ["Scheduled", "Pending", "Running", "Completed"], names
    lines = [line.message for line in client.read_logs(LogFilter(flow_run_id={"any_": [completed.id]}))]
    assert "north has sold 50 in 4 days" in lines and "north: 50" in lines, lines
