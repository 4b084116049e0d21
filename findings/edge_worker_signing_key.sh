#!/bin/sh
# An Edge worker signs its own requests with [api_auth] jwt_secret. Airflow checks the tokens of tasks with the same key.
# So whoever has the settings of an Edge worker can sign a token for any task. Airflow's edge provider 5.1.0 has no other
# way to sign, also where the server trusts another issuer ([edge] trusted_jwks_url).
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-providers-edge3==5.1.0 apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2
export AIRFLOW_HOME="$dir/home"
mkdir "$AIRFLOW_HOME"
sign() { # what an Edge worker has: the URL of the API, and the key
    AIRFLOW__API_AUTH__JWT_SECRET=$1 "$dir/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

from airflow.providers.edge3.cli.api_client import jwt_generator

generator = jwt_generator()  # the worker's own way to sign
generator.audience = "urn:airflow.apache.org:task"
print("edge provider", version("apache-airflow-providers-edge3"), "airflow", version("apache-airflow-core"))
print(generator.generate({"sub": "00000000-0000-0000-0000-000000000001"}))
PY
}
check() { # what an API server does with the token of a task
    AIRFLOW__API_AUTH__JWT_SECRET=$1 "$dir/venv/bin/python" -W ignore - "$2" <<'PY'
import sys

from airflow.api_fastapi.execution_api.app import _jwt_validator

try:
    print("accepted, as task instance", _jwt_validator().validated_claims(sys.argv[1])["sub"])
except Exception as error:
    print("refused:", type(error).__name__)
PY
}
key=one-key-that-an-edge-worker-and-the-api-server-share-0123456789ab
signed=$(sign "$key" 2> /dev/null)
printf '%s\n' "$signed" | grep provider
token=$(printf '%s\n' "$signed" | tail -n 1)
same=$(check "$key" "$token" 2> /dev/null | tail -n 1)
other=$(check "another-key-that-no-edge-worker-knows-0123456789abcdef0123456789" "$token" 2> /dev/null | tail -n 1)
printf 'the same key: %s\nanother key: %s\n' "$same" "$other"
case $same in "accepted, as task instance 00000000-0000-0000-0000-000000000001") ;; *) exit 1 ;; esac
case $other in refused:*) ;; *) exit 1 ;; esac
