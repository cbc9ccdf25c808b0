# SPDX-License-Identifier: Apache-2.0
"""A private minatod: own roots below a temporary directory, own network namespace, nothing left behind."""
import atexit
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from . import client

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", TOP / "build"))


def program(name):
    """A program of the build, wherever the build put it."""
    for folder in (BUILD, *sorted(BUILD.glob("src/*"))):
        if (folder / name).is_file():
            return str(folder / name)
    raise FileNotFoundError(f"{name} is not in {BUILD}")


class Daemon:
    """Starts, stops, kills and restarts one minatod. `folder` is the parent of its roots."""

    def __init__(self, *args, config=None, environment=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="minato-test-"))
        self.folder.chmod(0o755)
        self.data, self.exec = self.folder / "data", self.folder / "exec"
        self.socket, self.log = self.exec / "minato.sock", self.folder / "log"
        self.args, self.environment = list(args), environment or {}
        self.config = self.folder / "daemon.json"
        self.config.write_text(config or "{}")
        self.process = None
        # A process that only holds the network namespace, so that a killed daemon comes back to the same one.
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
                                       stdout=subprocess.PIPE)
        self.holder.stdout.readline()

    def command(self, *args):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *args]

    def start(self, wait=True):
        out = open(self.log, "ab")
        self.process = subprocess.Popen(
            self.command(program("minatod"), "--data-root", str(self.data), "--exec-root", str(self.exec),
                         "--config-file", str(self.config), "--debug", *self.args),
            stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, **self.environment})
        out.close()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=10):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"minatod ended with {self.process.returncode}:\n{self.log_text()[-3000:]}")
            try:
                with self.connect() as connection:
                    connection.send("GET", "/_ping")
                    if connection.response().status == 200:
                        return
            except OSError:
                time.sleep(0.005)
        raise RuntimeError(f"minatod does not answer:\n{self.log_text()[-3000:]}")

    @property
    def pid(self):
        """The daemon's own number (nsenter executes it)."""
        return self.process.pid

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def connect(self, timeout=20):
        return client.Connection(self.socket, timeout)

    def request(self, method, path, body=None, headers=None, query=None, timeout=20):
        with self.connect(timeout) as connection:
            return connection.request(method, path, body, headers, query)

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout=20):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            return self.process.wait(timeout)
        return self.process.returncode if self.process else 0

    def remove_containers(self):
        """Takes away what a test left, so that no process outlives the suite."""
        answer = self.request("GET", "/containers/json", query={"all": "1"})
        for container in answer.json() if answer.status == 200 else []:
            self.request("DELETE", f"/containers/{container['Id']}", query={"force": "1", "v": "1"})

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def close(self):
        """Takes everything away. A daemon that was killed or stopped comes once more for the containers it left running."""
        try:
            if not self.is_running() and any((self.exec / "containers").glob("*")):
                with contextlib.suppress(RuntimeError):  # a test may have made its state unreadable
                    self.start()
            if self.is_running():
                self.remove_containers()
                self.terminate()
        finally:
            if self.is_running():
                self.kill()
            self.holder.kill()
            self.holder.wait()
            mounts = [line.split()[4] for line in open("/proc/self/mountinfo") if line.split()[4].startswith(f"{self.folder}/")]
            for mount in reversed(mounts):
                subprocess.run(["umount", "-l", mount], check=True)
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def memory_kib(self, field="VmRSS"):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        return 0


def starter_image():
    """The path of an image archive made from busybox-static, built once per run."""
    if "MINATO_STARTER_IMAGE" in os.environ:
        return pathlib.Path(os.environ["MINATO_STARTER_IMAGE"])
    path = pathlib.Path(tempfile.gettempdir()) / f"minato-test-starter-{os.getuid()}-{os.getpid()}.tar"
    if not path.exists():
        subprocess.run([str(TOP / "tools" / "starter-image"), str(path)], check=True, stdout=subprocess.DEVNULL)
        atexit.register(path.unlink, missing_ok=True)
    return path
