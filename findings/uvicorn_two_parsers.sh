#!/bin/sh
# uvicorn 0.54.0 reads HTTP with httptools where that is installed, and with h11 where not. The same valid request then reaches an application
# with another path, another header or another method. With h11, `GET http://example.com/items` has the path `http://example.com/items`.
# So each application that has `/items` answers 404. RFC 9112 (3.2.2) wants servers to accept that form. With httptools, spaces at the end of a
# header stay in its value, and the method FOO ends with 400.
set -eu

. "$(dirname "$0")/environment.sh"
install venv uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0 starlette==1.10.0
"$dir/venv/bin/python" - <<'PY'
import contextlib
import socket
import sys
import threading
import time
from importlib.metadata import version

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def items(request):
    return PlainTextResponse(f"{request.method} {request.scope['path']} {request.headers.get('x-tag')!r}")


app = Starlette(routes=[Route("/items", items, methods=["GET", "FOO"])])
END = " HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n"
REQUESTS = {
    "the usual form": f"GET /items{END}X-Tag: blue\r\n\r\n",
    "the absolute form": f"GET http://example.com/items{END}X-Tag: blue\r\n\r\n",
    "spaces after a header": f"GET /items{END}X-Tag: blue  \r\n\r\n",
    "the method FOO": f"FOO /items{END}X-Tag: blue\r\n\r\n",
}
EXPECTED = {
    "h11": ["200: GET /items 'blue'", "404: Not Found", "200: GET /items 'blue'", "200: FOO /items 'blue'"],
    "httptools": ["200: GET /items 'blue'", "200: GET /items 'blue'", "200: GET /items 'blue  '", "400: Invalid HTTP request received."],
}


@contextlib.contextmanager
def served(parser):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, http=parser, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield listening.getsockname()
        server.should_exit = True
        thread.join()


def answer(address, request):
    with socket.create_connection(address) as connection, connection.makefile("rb") as reply:
        connection.sendall(request.encode())
        status, _, body = reply.read().decode().partition("\r\n\r\n")
        return f"{status.split()[1]}: {body}"


seen = {}
for parser in EXPECTED:
    with served(parser) as address:
        seen[parser] = [answer(address, request) for request in REQUESTS.values()]
    for what, told in zip(REQUESTS, seen[parser]):
        print(f"uvicorn {version('uvicorn')} with {parser} {version(parser)}: {what}: {told}")
sys.exit(0 if seen == EXPECTED else 1)
PY
