#!/bin/sh
# Airflow 3.3.2 makes the patterns of `metrics_allow_list` and `metrics_block_list` lower case, and splits them at every comma.
# So `\S` means a space, `{1,9}` is two patterns, and a comma at the end is a pattern that matches every metric.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-task-sdk==1.3.2 apache-airflow-core==3.3.2 statsd==4.0.1
cat > "$dir/send.py" <<'PY'
import os
import socket
import warnings

warnings.simplefilter("ignore")
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(1)
    os.environ["AIRFLOW__METRICS__STATSD_PORT"] = str(receiver.getsockname()[1])
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    for name in ("team.push", "team.pull", "end"):
        stats.incr(name)
    seen = []
    try:
        while True:
            seen.append(receiver.recv(4096).decode().partition(":")[0].removeprefix("airflow."))
    except TimeoutError:
        pass
print(*[name for name in seen if name.startswith("team.")] or ["none"])
PY

sent() { # of the metrics team.push and team.pull, those that arrive with the option $1 set to $2
    env AIRFLOW_HOME="$dir/home" AIRFLOW__METRICS__STATSD_ON=True "AIRFLOW__METRICS__METRICS_$1=$2" "$dir/venv/bin/python" "$dir/send.py" 2> "$dir/log"
}

as_found=true
check() { # OPTION PATTERN, what its regular expression says, and what arrives
    found=$(sent "$1" "$2" || true)
    echo "$1 = '$2': read as regular expressions, this lets through: $3. Sent: $found"
    test "$found" = "$4" || as_found=false
}

check ALLOW_LIST '^team[.]pu' "team.push team.pull" "team.push team.pull"
check ALLOW_LIST '^team[.]\S+$' "team.push team.pull" none
check ALLOW_LIST '^team[.][a-z]{1,9}$' "team.push team.pull" none
check BLOCK_LIST '^team[.]\D+$' none "team.push team.pull"
check BLOCK_LIST 'team.push,' team.pull none
$as_found
