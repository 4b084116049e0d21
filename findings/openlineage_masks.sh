#!/bin/sh
# apache-airflow-providers-openlineage 2.20.3 redacts its events with the expression that Airflow's masking had when the
# plugin was loaded. A secret that a task registers afterwards (mask_secret) stands in the event in the clear. Airflow
# itself masks that secret in logs and in rendered fields.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-openlineage==2.20.3
AIRFLOW_HOME=$dir OPENLINEAGE__TRANSPORT__TYPE=console AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR \
    "$dir/venv/bin/python" -W ignore - <<'PY'
import sys
from datetime import datetime, timezone
from importlib.metadata import version

from airflow.providers.openlineage.plugins.listener import get_openlineage_listener
from airflow.sdk._shared.secrets_masker import redact
from airflow.sdk.log import mask_secret
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.facet_v2 import source_code_job

for name in ("apache-airflow-core", "apache-airflow-providers-openlineage"):
    print(name, version(name))

adapter = get_openlineage_listener().adapter  # the plugin makes it when it is loaded
secret = "pulled-by-the-task"
mask_secret(secret)

command = f"curl -H 'X-Key: {secret}' https://example.com"
facet = source_code_job.SourceCodeJobFacet(language="bash", sourceCode=command)  # what the extractor of BashOperator makes
event = RunEvent(
    eventType=RunState.START,
    eventTime=datetime.now(timezone.utc).isoformat(),
    producer="https://example.com",
    run=Run(runId="01890a5d-ac96-774b-bcce-b302099a8057"),
    job=Job(namespace="example", name="load", facets={"sourceCode": facet}),
)
sent = adapter.emit(event).job.facets["sourceCode"].sourceCode
print("Airflow's masking makes of the command:", redact(command))
print("the event has:", sent)
sys.exit(0 if secret not in redact(command) and secret in sent else 1)
PY
