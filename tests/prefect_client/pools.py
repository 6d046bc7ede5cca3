"""Work pools and queues by Prefect's own commands."""

from in_process import prefect
from prefect.client.orchestration import get_client


def main():
    prefect("work-pool", "create", "mine", "--type", "process")
    prefect("work-pool", "create", "mine", "--type", "process", fails=True)
    assert "mine" in prefect("work-pool", "ls")
    with get_client(sync_client=True) as client:
        pool = client.read_work_pool("mine")
        assert pool.type == "process" and "job_configuration" in pool.base_job_template, pool
        prefect("work-pool", "pause", "mine")
        assert client.read_work_pool("mine").is_paused
        prefect("work-pool", "resume", "mine")
        prefect("work-pool", "update", "mine", "--description", "ours")
        prefect("work-pool", "set-concurrency-limit", "mine", "4")
        pool = client.read_work_pool("mine")
        assert (pool.description, pool.concurrency_limit, pool.is_paused) == ("ours", 4, False), pool
        prefect("work-pool", "clear-concurrency-limit", "mine")
        assert client.read_work_pool("mine").concurrency_limit is None
        assert "mine" in prefect("work-pool", "inspect", "mine")
        prefect("work-pool", "preview", "mine")

        prefect("work-queue", "create", "fast", "--pool", "mine", "--priority", "1", "--limit", "2")
        queue = client.read_work_queue_by_name("fast", work_pool_name="mine")
        assert (queue.priority, queue.concurrency_limit) == (1, 2), queue
        assert "fast" in prefect("work-queue", "ls", "--pool", "mine")
        prefect("work-queue", "pause", "fast", "--pool", "mine")
        assert client.read_work_queue_by_name("fast", work_pool_name="mine").is_paused
        prefect("work-queue", "resume", "fast", "--pool", "mine")
        prefect("work-queue", "set-concurrency-limit", "fast", "3", "--pool", "mine")
        prefect("work-queue", "clear-concurrency-limit", "fast", "--pool", "mine")
        prefect("work-queue", "inspect", "fast", "--pool", "mine")
        prefect("work-queue", "preview", "fast", "--pool", "mine")
        prefect("work-queue", "delete", "fast", "--pool", "mine")
    prefect("work-pool", "delete", "mine")
    prefect("work-pool", "inspect", "mine", fails=True)


main()
