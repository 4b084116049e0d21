#!/bin/sh
# `airflow standalone` of Airflow 3.3.2 prints "Airflow is ready" although its API server has ended, because another process
# listens on its port. It looks for heartbeats of scheduler, DAG processor and triggerer alone. Tasks then fail.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-standard==1.21.0
export AIRFLOW_HOME="$dir/home" AIRFLOW__CORE__LOAD_EXAMPLES=False PATH="$dir/venv/bin:$PATH"
unset PYTHONDONTWRITEBYTECODE
port=18080
export AIRFLOW__API__PORT=$port
python3 -m http.server --bind 127.0.0.1 --directory "$dir" $port >/dev/null 2>&1 &
other=$!
airflow version
setsid airflow standalone >"$dir/said" 2>&1 &
standalone=$!
trap 'pkill -KILL -s $standalone || true; kill $other; rm -rf "$dir"' EXIT
seconds=0
until grep -q "Airflow is ready" "$dir/said" || [ $seconds -gt 300 ]; do sleep 5; seconds=$((seconds + 5)); done
grep -h "Airflow is ready\|address already in use" "$dir/said" | sort -u
grep -q "Airflow is ready" "$dir/said"
grep -q "address already in use" "$dir/said"
