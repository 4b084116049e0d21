#!/bin/sh
# httpx 0.28.1 reads the first part of a gzip body that has several, and drops the others without an error. RFC 1952 (2.2) allows several: it is what
# `cat a.gz b.gz` makes. requests 2.34.2 and aiohttp 3.14.5 read all. Of a body that is compressed twice (`gzip, gzip`), aiohttp gives bytes that are
# still compressed. The other two undo both. Of `x-gzip`, which RFC 9110 makes equal to gzip, only requests gives the text.
set -eu

. "$(dirname "$0")/environment.sh"
install venv httpx==0.28.1 requests==2.34.2 urllib3==2.8.0 aiohttp==3.14.5
"$dir/venv/bin/python" - <<'PY'
import asyncio
import gzip
import http.server
import sys
import threading
from importlib.metadata import version

import aiohttp
import httpx
import requests

ONCE = gzip.compress(b"first line\n")
BODIES = {
    "/parts": ("gzip", ONCE + gzip.compress(b"second line\n")),
    "/twice": ("gzip, gzip", gzip.compress(ONCE)),
    "/x": ("x-gzip", ONCE),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        encoding, body = BODIES[self.path]
        self.send_response(200)
        self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


async def with_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.read()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
CLIENTS = {
    "httpx": lambda url: httpx.get(url, trust_env=False).content,
    "requests": lambda url: requests.get(url, timeout=10).content,
    "aiohttp": lambda url: asyncio.run(with_aiohttp(url)),
}
LINE, LINES = b"first line\n", b"first line\nsecond line\n"
EXPECTED = {"httpx": [LINE, LINE, ONCE], "requests": [LINES, LINE, LINE], "aiohttp": [LINES, BODIES["/twice"][1], ONCE]}
seen = {}
for name, get in CLIENTS.items():
    seen[name] = [get(f"http://127.0.0.1:{server.server_port}{path}") for path in BODIES]
    told = [body.decode() if body.isascii() else f"{len(body)} bytes of gzip" for body in seen[name]]
    print(f"{name} {version(name)}: two parts {told[0]!r}, compressed twice {told[1]!r}, x-gzip {told[2]!r}")
server.shutdown()
sys.exit(0 if seen == EXPECTED else 1)
PY
