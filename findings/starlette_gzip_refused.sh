#!/bin/sh
# The GZipMiddleware of starlette 1.10.0 sends gzip to a client that refuses it with `Accept-Encoding: gzip;q=0`. It looks for the letters `gzip` anywhere in
# the header. So it does not compress for `GZIP`, which RFC 9110 makes the same. Airflow's API server has this middleware.
set -eu

. "$(dirname "$0")/environment.sh"
install venv starlette==1.10.0 httpx==0.28.1
"$dir/venv/bin/python" -W ignore - <<'PY'
import asyncio
import sys
from importlib.metadata import version

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def page(request):
    return PlainTextResponse("text " * 1000)


app = Starlette(routes=[Route("/", page)], middleware=[Middleware(GZipMiddleware)])
ACCEPTED = ["gzip", "gzip;q=0", "gzip;q=0, identity", "GZIP", "identity"]


async def seen():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://example.com") as client:
        replies = [await client.get("/", headers={"Accept-Encoding": accepted}) for accepted in ACCEPTED]
    return [reply.headers.get("content-encoding", "identity") for reply in replies]


encodings = asyncio.run(seen())
for accepted, encoding in zip(ACCEPTED, encodings):
    print(f"starlette {version('starlette')}: Accept-Encoding: {accepted} is answered with {encoding}")
sys.exit(0 if encodings == ["gzip", "gzip", "gzip", "identity", "identity"] else 1)
PY
