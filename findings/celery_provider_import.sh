#!/bin/sh
# Airflow's celery provider 3.26.0 allows celery below 6, and does not import with celery 5.7.0: that release has no
# `celery.backends.database.retry`. An installation without pins gets 5.7.0, and its CeleryExecutor does not load.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-providers-celery==3.26.0 apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 celery==5.7.0
look() {
    AIRFLOW_HOME=$dir "$dir/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import requires, version

print("celery", version("celery"), "celery provider", version("apache-airflow-providers-celery"))
print("the provider asks for", [line for line in requires("apache-airflow-providers-celery") if "celery" in line][0])
try:
    import airflow.providers.celery.executors.celery_executor
except ImportError as error:
    print("ImportError:", str(error).partition(" (")[0])
else:
    print("imported")
PY
}
with_new=$(look)
install venv celery==5.6.3
with_old=$(look)
printf '%s\n%s\n' "$with_new" "$with_old"
case $with_new in *"cannot import name 'retry' from 'celery.backends.database'") ;; *) exit 1 ;; esac
case $with_old in *imported) ;; *) exit 1 ;; esac
