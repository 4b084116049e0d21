#!/bin/sh
# adlfs 2026.8.0 remembers the sizes that it has listed. If another process then replaces a blob by a longer one, `open(path).read()` gives
# the beginning of the new blob, as long as the old one was, and no error. `cat_file` gives all of it. s3fs raises FileExpired in this case.
# `find(path, maxdepth=1)` of adlfs gives the files of all depths. Azurite 3.35.0 plays Azure here. This script needs npm.
set -eu

. "$(dirname "$0")/environment.sh"
command -v npm >/dev/null || { echo "skipped: no npm on PATH"; exit 1; }
install venv adlfs==2026.8.0 fsspec==2026.9.0
npm install --silent --no-fund --no-audit --prefix "$dir/azurite" azurite@3.35.0 >/dev/null
AZURITE=$dir/azurite/node_modules/.bin/azurite-blob "$dir/venv/bin/python" - <<'PY'
import base64
import os
import socket
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

import adlfs
import fsspec

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
ACCOUNT, KEY = "store", base64.b64encode(os.urandom(64)).decode()
PLACE = (
    f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
    f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
)


def depths(files):
    for name in ("a", "x/b", "x/y/c"):
        files.pipe_file(f"box/tree/{name}", b"1")
    return [path.partition("tree/")[2] for path in files.find("box/tree", maxdepth=1)]


with tempfile.TemporaryDirectory() as folder:
    command = [os.environ["AZURITE"], "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobPort", str(port), "--location", folder]
    azurite = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"})
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        reader, writer = (
            adlfs.AzureBlobFileSystem(connection_string=PLACE, skip_instance_cache=True) for _ in range(2)
        )
        writer.mkdir("box")
        writer.pipe_file("box/reports/daily", b"short")
        reader.ls("box/reports")
        writer.pipe_file("box/reports/daily", b"a much longer report")
        with reader.open("box/reports/daily") as file:
            opened = file.read()
        whole = reader.cat_file("box/reports/daily")
        found = depths(writer)
    finally:
        azurite.terminate()
        azurite.wait()
memory = depths(fsspec.filesystem("memory"))
print(f"adlfs {version('adlfs')}: the blob is {whole!r}; open().read() gives {opened!r}")
print(f"  find(maxdepth=1) gives {found}; fsspec {version('fsspec')}, in memory: {memory}")
sys.exit(0 if whole == b"a much longer report" and opened == b"a muc" and found == ["a", "x/b", "x/y/c"] and memory == ["a"] else 1)
PY
