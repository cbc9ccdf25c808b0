# SPDX-License-Identifier: Apache-2.0
"""A daemon that answers from a table: for what a real one never says (hostile names, endless streams, failures).

    with FakeDaemon({('GET', '/containers/json'): [...]}) as daemon: subprocess.run(['minato', '-H', daemon.host, 'ps'])

A value is a JSON document, bytes, a (status, document) pair, or a function of the request that writes the answer itself.
Paths are matched without "/v1.NN" and without the query."""
import http.server
import json
import os
import re
import socketserver
import struct
import tempfile
import threading
import urllib.parse

PING = {"Api-Version": "1.50", "Ostype": "linux", "Server": "fake", "Docker-Experimental": "false"}


def frame(stream, data):
    """One frame of a multiplexed stream."""
    return struct.pack(">BxxxL", stream, len(data)) + data


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        self.route = re.sub(r"^/v1\.\d+", "", url.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.server.requests.append((self.command, self.route, self.query, self.body, dict(self.headers)))
        if self.route == "/_ping":
            return self.reply(200, b"OK")
        value = self.server.table.get((self.command, self.route), (404, {"message": f"page not found: {self.route}"}))
        if callable(value):
            return value(self)
        status, document = value if isinstance(value, tuple) else (200, value)
        return self.reply(status, document if isinstance(document, bytes) else json.dumps(document).encode())

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = answer

    def reply(self, status, body, **headers):
        self.send_response(status)
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {**PING, "Content-Type": "application/json", **more}.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def hijack(self, kind="application/vnd.docker.multiplexed-stream"):
        """Answers 101; what is written to `wfile` then is the stream, which ends with the connection."""
        self.close_connection = True
        self.wfile.write(f"HTTP/1.1 101 UPGRADED\r\nContent-Type: {kind}\r\nConnection: Upgrade\r\n"
                         "Upgrade: tcp\r\n\r\n".encode())
        return self.rfile, self.wfile

    def stream(self):
        """Answers 200 with a body that ends with the connection."""
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
        return self.wfile


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


class FakeDaemon:
    def __init__(self, table):
        self.folder = tempfile.TemporaryDirectory(prefix="minato-fake-")
        self.path = os.path.join(self.folder.name, "sock")
        self.host = f"unix://{self.path}"
        self.server = Server(self.path, Handler)
        self.server.table, self.server.requests = table, []

    @property
    def requests(self):
        return self.server.requests

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()
