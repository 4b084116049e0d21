#!/bin/sh
# Print a python3 of 3.10 to 3.14 that every user of this machine may execute. The worker of `make test-production` runs
# as another user than the rest, so a Python below a closed home directory is of no use to it.
set -u

supported='import sys; (3, 10) <= sys.version_info[:2] <= (3, 14) or sys.exit(1); print(sys._base_executable)'

# Tells whether all directories above a file let everybody pass, and the file may be executed by everybody.
is_public() {
    path=$1
    case $(stat -L -c %a "$path") in *[1357]) ;; *) return 1 ;; esac
    while [ "$path" != / ]; do
        path=$(dirname "$path")
        case $(stat -L -c %a "$path") in *[1357]) ;; *) return 1 ;; esac
    done
}

for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.13 python3.10 \
    /usr/local/bin/python3 /usr/bin/python3}; do
    found=$("$candidate" -c "$supported" 2>/dev/null) || continue
    if is_public "$(readlink -f "$found")"; then
        echo "$found"
        exit
    fi
done
exit 1
