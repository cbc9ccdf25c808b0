# SPDX-License-Identifier: Apache-2.0
"""Bodies that the command line reads from files: they arrive as they are, and a file that changes meanwhile is an error."""
import os
import socket
import subprocess
import threading

import pytest

from fake_daemon import FakeDaemon


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "archive.tar"
    path.write_bytes(os.urandom(3_333_333))
    return path


def test_a_file_arrives_as_it_is(clis, archive):
    with FakeDaemon({("POST", "/images/load"): b""}) as daemon:
        ours, _ = clis(daemon.host)
        ours.ok("load", "-i", str(archive))
        assert daemon.requests[-1][3] == archive.read_bytes()


def test_standard_input_is_read_from_where_it_stands(clis, archive):
    with FakeDaemon({("POST", "/images/load"): b""}) as daemon:
        ours, _ = clis(daemon.host)
        with archive.open("rb") as source:
            os.lseek(source.fileno(), 1_000_001, os.SEEK_SET)
            subprocess.run([ours.program, "-H", daemon.host, "load"], stdin=source, check=True, timeout=60)
        assert daemon.requests[-1][3] == archive.read_bytes()[1_000_001:]


def test_a_file_that_becomes_shorter_ends_the_request(clis, archive, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))
        listener.listen()
        got = bytearray()

        def serve():
            while b"chunked" not in got:
                got.clear()
                with listener.accept()[0] as peer:
                    got.extend(peer.recv(1000))
                    if b"/_ping" in got:
                        peer.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.50\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")
                        continue
                    os.truncate(archive, 1_500_000)
                    while piece := peer.recv(1 << 16):
                        got.extend(piece)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        ours, _ = clis(f"unix://{tmp_path}/sock")
        done = ours("load", "-i", str(archive))
        thread.join(60)
    assert done.code == 1 and "the file became shorter while it was sent" in done.err, done
    assert len(got) > 1_000_000 and not got.endswith(b"0\r\n\r\n"), len(got)
