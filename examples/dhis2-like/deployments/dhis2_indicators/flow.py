"""Averages the indicators of a DHIS2 server."""

import json
import pathlib

from prefect import flow, task

DATA = pathlib.Path(__file__).parents[2] / "data"


@task(retries=2)
def indicators():
    return json.loads((DATA / "indicators.json").read_text())["indicators"]


@flow(name="dhis2_indicators", log_prints=True)
def dhis2_indicators_flow():
    values = [indicator["value"] for indicator in indicators()]
    average = sum(values) / len(values)
    print(f"{len(values)} indicators, {average} on average")
    return average
