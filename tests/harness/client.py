# SPDX-License-Identifier: Apache-2.0
"""A small HTTP client over a unix socket. It keeps a note of every operation it reached, so that a suite can say which
ones no test has touched."""
import json
import re
import socket
import urllib.parse

reached = set()  # (method, path without version)


class Response:
    """Status, headers (lower case) and body of one answer."""

    def __init__(self, status, headers, body, sock=None):
        self.status, self.headers, self.body, self.sock = status, headers, body, sock

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.decode().splitlines() if line.strip()]

    @property
    def message(self):
        return self.json()["message"]


class Connection:
    """One connection; requests on it are kept alive."""

    def __init__(self, path, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.buffer = b""

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("the daemon closed the connection")
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def take(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def head(self):
        """Reads a response head: (status, headers)."""
        status = int(self.line().split(b" ")[1])
        headers = {}
        while line := self.line():
            name, value = line.split(b":", 1)
            headers[name.decode().lower()] = value.strip().decode()
        return status, headers

    def chunks(self):
        """Yields the pieces of a chunked body."""
        while size := int(self.line(), 16):
            yield self.take(size)
            self.take(2)
        self.line()

    def response(self, method="GET"):
        status, headers = self.head()
        if method == "HEAD" or status in (204, 304) or status < 200:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(self.chunks())
        elif "content-length" in headers:
            body = self.take(int(headers["content-length"]))
        else:
            body = self.until_close()
        return Response(status, headers, body)

    def until_close(self):
        try:
            while True:
                self._more()
        except ConnectionError:
            data, self.buffer = self.buffer, b""
            return data

    def send(self, method, path, body=None, headers=None, query=None):
        """Sends a request. A body that is no bytes object is sent as JSON."""
        note(method, path)
        headers = dict(headers or {})
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if body is not None or method in ("POST", "PUT"):
            headers.setdefault("Content-Length", str(len(body or b"")))
        text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: test\r\n{text}\r\n".encode() + (body or b""))

    def request(self, method, path, body=None, headers=None, query=None):
        self.send(method, path, body, headers, query)
        return self.response(method)

    def upgrade(self, method, path, body=None, query=None):
        """Asks for a hijacked connection; after 101 the socket is the stream."""
        self.send(method, path, body, {"Connection": "Upgrade", "Upgrade": "tcp"}, query)
        status, headers = self.head()
        if status != 101:
            length = int(headers.get("content-length", 0))
            return Response(status, headers, self.take(length))
        return Response(status, headers, b"", self.sock)


def note(method, path):
    bare = re.sub(r"^/v\d+\.\d+(?=/)", "", path.split("?")[0])
    reached.add((method, bare))


def raw(path, data, timeout=15):
    """Sends bytes as they are and gives everything that comes back until the daemon closes."""
    with Connection(path, timeout) as connection:
        connection.sock.sendall(data)
        connection.sock.shutdown(socket.SHUT_WR)
        try:
            return connection.until_close()
        except (ConnectionResetError, socket.timeout):
            return connection.buffer


def frames(data):
    """Splits a multiplexed stream into [(stream, payload)]."""
    result = []
    while data:
        length = int.from_bytes(data[4:8], "big")
        result.append((data[0], data[8:8 + length]))
        data = data[8 + length:]
    return result
