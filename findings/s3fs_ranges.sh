#!/bin/sh
# s3fs 2026.9.0 returns a whole object where an empty range of it is asked for. It sends `bytes=3-2`, and S3 (here moto 5.2.5) ignores such a range,
# as HTTP says. So `cat_ranges` with start 3 and end 3 gives all bytes, and no error. A range that begins at the end of an object is an error.
# fsspec's own file systems give no bytes for both. `cat_file(path, 2, 5)` fails: where fsspec has `start`, s3fs has the object's version.
set -eu

. "$(dirname "$0")/environment.sh"
install venv fsspec==2026.9.0 s3fs==2026.9.0 "moto[server]==5.2.5"
AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1 "$dir/venv/bin/python" -W ignore - <<'PY'
import logging
import sys
from importlib.metadata import version

import fsspec
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()


def got(ask):
    try:
        return ask()
    except Exception as error:
        return type(error).__name__


def seen(files, path):
    files.pipe_file(path, b"0123456789")
    files.pipe_file(f"{path}-empty", b"")
    return [
        files.cat_ranges([path], [3], [3])[0],
        files.cat_file(path, start=0, end=0),
        got(lambda: files.cat_file(path, start=0, end=-2)),
        got(lambda: files.cat_file(path, 2, 5)),
        got(lambda: files.cat_file(path, start=10, end=12)),
        got(lambda: files.cat_file(f"{path}-empty", start=0, end=5)),
    ]


s3 = fsspec.filesystem("s3", endpoint_url=f"http://{host}:{port}")
s3.mkdir("bucket")
told = seen(s3, "bucket/object")
memory = seen(fsspec.filesystem("memory"), "/object")
server.stop()
ASKED = ["[3:3]", "[0:0]", "[0:-2]", "cat_file(path, 2, 5)", "[10:12]", "[0:5] of an empty object"]
print(f"s3fs {version('s3fs')}, fsspec {version('fsspec')}, of b'0123456789':")
for what, of_s3, of_memory in zip(ASKED, told, memory):
    print(f"  {what}: s3fs {of_s3!r}, memory {of_memory!r}")
expected = [b"0123456789", b"0123456789", b"01234567", "ParamValidationError", "OSError", "OSError"]
sys.exit(0 if told == expected and memory == [b"", b"", b"01234567", b"234", b"", b""] else 1)
PY
