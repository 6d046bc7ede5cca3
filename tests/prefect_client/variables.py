"""Variables and artifacts, by Prefect's own client and its commands."""

from in_process import prefect
from prefect import flow, task
from prefect.artifacts import (
    Artifact,
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.runtime import flow_run
from prefect.variables import Variable

seen = {}


def variables():
    Variable.set("limits", {"rows": [1, 2.5, None]}, tags=["a"])
    assert Variable.get("limits") == {"rows": [1, 2.5, None]}
    try:
        Variable.set("limits", 2)
    except ValueError as error:
        assert "already exists" in str(error), error
    else:
        raise AssertionError("the name is taken")
    Variable.set("limits", "new", tags=["b"], overwrite=True)
    assert Variable.get("limits") == "new"
    assert Variable.get("nothing", default=5) == 5
    assert Variable.unset("limits") and not Variable.unset("limits")

    prefect("variable", "set", "speed", "12", "--tag", "fast")
    assert Variable.get("speed") == 12
    prefect("variable", "set", "speed", "13", fails=True)
    prefect("variable", "set", "speed", "13", "--overwrite")
    assert "13" in prefect("variable", "get", "speed")
    assert "speed" in prefect("variable", "inspect", "speed")
    assert "speed" in prefect("variable", "ls")
    prefect("variable", "unset", "speed")
    prefect("variable", "get", "speed", fails=True)


@task
def progress():
    artifact = create_progress_artifact(progress=10.0, key="progress", description="how far")
    update_progress_artifact(artifact, progress=100.0)


@flow
def artifacts():
    seen["run"] = flow_run.id
    create_markdown_artifact("# First", key="report")
    create_markdown_artifact("# Second", key="report", description="the newer")
    create_table_artifact([{"a": 1}, {"a": None}], key="rows")
    create_link_artifact("http://localhost/x", link_text="there", key="link")
    create_image_artifact("http://localhost/x.png", key="image")
    create_markdown_artifact("no key")
    progress()


def look_at_artifacts():
    artifacts()
    latest = Artifact.get("report")
    assert latest.data == "# Second" and latest.description == "the newer", latest
    assert Artifact.get("nothing") is None
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[seen["run"]]))
        found = {(artifact.key, artifact.type): artifact for artifact in client.read_artifacts(artifact_filter=of_run)}
        assert len(found) == 6, found.keys()
        assert found["progress", "progress"].data == 100.0 and found["progress", "progress"].task_run_id
        collections = {one.key: one for one in client.read_latest_artifacts()}
        assert set(collections) == {"report", "rows", "link", "image", "progress"}, collections.keys()
        assert collections["report"].data == latest.data

    assert "report" in prefect("artifact", "ls")
    # The command cannot sort what has no key.
    with get_client(sync_client=True) as client:
        client.delete_artifact(found[None, "markdown"].id)
    assert "report" in prefect("artifact", "ls", "--all")
    inspected = prefect("artifact", "inspect", "report")
    assert "# First" in inspected and "# Second" in inspected, inspected
    prefect("artifact", "delete", "--id", str(collections["report"].latest_id))
    assert Artifact.get("report").data == "# First"
    prefect("artifact", "delete", "report")
    assert Artifact.get("report") is None
    prefect("artifact", "inspect", "report", fails=True)


if __name__ == "__main__":
    variables()
    look_at_artifacts()
