"""One life of the machine between two power cuts: looks at what the last one left, then changes things until the current goes. Runs
inside; says on the serial line what it found and, around every request, what it does. Arguments: the folder of the run."""
import hashlib
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import termios
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness.daemon import Daemon, starter_image  # noqa: E402

DISK = pathlib.Path("/mnt/power")
SPEAKING = threading.Lock()
WORKERS = 3


def say(kind, **more):
    """Returns when the line has left the machine."""
    with SPEAKING:
        os.write(1, (json.dumps({"kind": kind, **more}) + "\n").encode())
        termios.tcdrain(1)


def tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def image_archive(name, chance):
    layers = [tar({f"data{i}": chance.randbytes(chance.randrange(1, 200000)), f"small{i}": name.encode()}) for i in range(chance.randrange(1, 4))]
    ids = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ids}, "config": {"Labels": {"name": name}}})
    manifest = [{"Config": "c.json", "RepoTags": [f"{name}:1"], "Layers": [f"{i}/layer.tar" for i in range(len(layers))]}]
    return tar({**{f"{i}/layer.tar": layer for i, layer in enumerate(layers)}, "c.json": config.encode(), "manifest.json": json.dumps(manifest).encode()})


class Life:
    def __init__(self, folder):
        self.plan = json.loads((folder / "plan.json").read_text())
        self.daemon = Daemon(*self.plan["options"])
        self.daemon.data = DISK / "data"

    def ask(self, method, path, body=None, **query):
        answer = self.daemon.request(method, path, body, query=query, timeout=120)
        error = b'"error"' in answer.body and path.startswith("/images/load")
        return (500 if error else answer.status), answer

    def list(self, path, key=None, **query):
        status, answer = self.ask("GET", path, **query)
        assert status == 200, (path, answer.body)
        return answer.json()[key] or [] if key else answer.json()

    # ---- what is there ----

    def look(self):
        found, problems = {"serving": []}, []
        end = time.monotonic() + 30
        while True:
            containers = self.list("/containers/json", all="1")
            passing = [c["Names"][0] for c in containers if "/auto-" in c["Names"][0] and c["State"] != "created"]
            if not passing or time.monotonic() > end:
                break
        problems += [f"{name} is there still" for name in passing]
        ids = {c["Id"] for c in containers}
        containers = [c for c in containers if "/auto-" not in c["Names"][0]]
        found["container"] = sorted(c["Names"][0][1:] for c in containers)
        for container in containers:
            name = container["Names"][0][1:]
            whole = self.list(f"/containers/{container['Id']}/json")
            if whole["Config"]["Labels"].get("name") != name.removesuffix("-renamed") or whole["State"]["Status"] in ("paused", "removing", "dead"):
                problems.append(f"container {name} is {whole['Config']['Labels']}, {whole['State']}")
        found["image"] = sorted(tag[:-2] for image in self.list("/images/json") for tag in image["RepoTags"] if tag.endswith(":1"))
        volumes = self.list("/volumes", "Volumes")
        found["volume"] = sorted(v["Name"] for v in volumes)
        problems += [f"volume {v['Name']} has no label" for v in volumes if (v["Labels"] or {}).get("name") != v["Name"]]
        files = [DISK / "data/volumes" / v["Name"] / "_data/file" for v in volumes]
        found["filled"] = sorted(f.parent.parent.name for f in files if f.exists() and f.read_text() == f.parent.parent.name + "\n")
        networks = [n for n in self.list("/networks") if n["Name"] not in ("bridge", "host", "none")]
        found["network"] = sorted(n["Name"] for n in networks)
        problems += [f"network {n['Name']} is {n['Labels']}" for n in networks if n["Labels"].get("name") != n["Name"]]
        errors = pathlib.Path("/sys/fs/ext4/vda/errors_count").read_text().strip()
        problems += [f"ext4 counts {errors} errors"] if errors != "0" else []
        problems += self.disk_problems(ids, set(found["volume"]))
        return found, problems, {c["Names"][0][1:]: c for c in containers}

    def disk_problems(self, containers, volumes):
        status, answer = self.ask("POST", "/system/check", data="1")
        problems = [str(one) for one in answer.json()["Findings"]] if status == 200 else [f"check: {status} {answer.body}"]
        for folder, known in (("containers", containers), ("volumes", volumes)):
            here = {p.name for p in (DISK / "data" / folder).iterdir() if p.is_dir()} if (DISK / "data" / folder).exists() else set()
            problems += [f"{folder}/{name} is nobody's" for name in here - known]
        end = time.monotonic() + 30
        while (left := sorted((DISK / "data/tmp").glob("**/*"))) != [DISK / "data/tmp/partial"] and left and time.monotonic() < end:
            time.sleep(0.1)  # a thread takes them away
        return problems + [f"{p} is left" for p in left if p.name != "partial"]

    def wait_for_service(self, found, names):
        """Containers that are to be started again come up after the daemon answers."""
        end = time.monotonic() + 30
        while True:
            found["serving"] = sorted(c["Names"][0][1:] for c in self.list("/containers/json") if c["Names"][0][1:] in names)
            if len(found["serving"]) == len(names) or time.monotonic() > end:
                return
            time.sleep(0.2)

    # ---- what is done ----

    def do(self, thing, name, to, method, path, body=None, query=None):
        """`to`: whether the thing is there afterwards."""
        say("begin", thing=thing, name=name, to=to)
        status, answer = self.ask(method, path, body, **(query or {}))
        say("done", thing=thing, name=name, to=to, status=status, text="" if status < 300 else answer.body.decode(errors="replace")[:300])
        return status

    def container(self, name, chance):
        serves = chance.random() < 0.2
        body = {"Image": "busybox", "Cmd": ["sleep", "100000"], "Labels": {"name": name}, "StopSignal": "KILL",
                "HostConfig": {"NetworkMode": "none", "RestartPolicy": {"Name": "always" if serves else "no"}}}
        self.do("container", name, True, "POST", "/containers/create", body, {"name": name})
        if serves or chance.random() < 0.3:
            self.do("serving" if serves else "running", name, True, "POST", f"/containers/{name}/start")
        if not serves and chance.random() < 0.3:
            self.rename(name)
            name += "-renamed"
        if chance.random() < 0.6:
            if serves:
                self.do("serving", name, False, "POST", f"/containers/{name}/stop")
            self.do("container", name, False, "DELETE", f"/containers/{name}", query={"force": "1", "v": "1"})

    def rename(self, name):
        say("begin", thing="container", name=name, to=False)
        self.do("container", f"{name}-renamed", True, "POST", f"/containers/{name}/rename", query={"name": f"{name}-renamed"})
        say("done", thing="container", name=name, to=False, status=204, text="")

    def short_life(self, name, chance):
        """It is gone with the machine; see `look`."""
        name = f"auto-{name}"
        body = {"Image": "busybox", "Cmd": ["sh", "-c", f"echo {name} > /file; sleep {chance.choice([0, 0, 1000])}"],
                "HostConfig": {"NetworkMode": "none", "AutoRemove": True}}
        self.do("passing", name, True, "POST", "/containers/create", body, {"name": name})
        self.do("passing", name, True, "POST", f"/containers/{name}/start")
        if chance.random() < 0.3:
            self.ask("DELETE", f"/containers/{name}", force="1")

    def image(self, name, chance):
        if chance.random() < 0.7:
            self.do("image", name, True, "POST", "/images/load", image_archive(name, chance))
        else:
            self.do("image", name, True, "POST", "/images/busybox/tag", query={"repo": name, "tag": "1"})
        if chance.random() < 0.5:
            self.do("image", name, False, "DELETE", f"/images/{name}:1")

    def volume(self, name, chance):
        self.do("volume", name, True, "POST", "/volumes/create", {"Name": name, "Labels": {"name": name}})
        if chance.random() < 0.4:
            self.fill(name)
        if chance.random() < 0.5:
            say("begin", thing="filled", name=name, to=False)
            self.do("volume", name, False, "DELETE", f"/volumes/{name}")

    def fill(self, name):
        """What a container has synced is there, too."""
        say("begin", thing="filled", name=name, to=True)
        body = {"Image": "busybox", "Cmd": ["sh", "-c", f"echo {name} > /v/file; sync"], "Labels": {"name": f"{name}-box"},
                "HostConfig": {"NetworkMode": "none", "Binds": [f"{name}:/v"]}}
        self.do("container", f"{name}-box", True, "POST", "/containers/create", body, {"name": f"{name}-box"})
        self.do("running", f"{name}-box", True, "POST", f"/containers/{name}-box/start")
        status, answer = self.ask("POST", f"/containers/{name}-box/wait")
        say("done", thing="filled", name=name, to=True, status=status, text=answer.body.decode()[:100])
        self.do("container", f"{name}-box", False, "DELETE", f"/containers/{name}-box")

    def network(self, name, chance):
        self.do("network", name, True, "POST", "/networks/create", {"Name": name, "Labels": {"name": name}})
        if chance.random() < 0.7:
            self.do("network", name, False, "DELETE", f"/networks/{name}")

    def clean(self, found, chance):
        """Old things go, too, so that the disk does not fill."""
        for thing, path in (("image", "/images/{}:1"), ("network", "/networks/{}"), ("container", "/containers/{}")):
            for name in found[thing]:
                if chance.random() < 0.6:
                    if thing == "container":
                        say("begin", thing="serving", name=name, to=False)
                    self.do(thing, name, False, "DELETE", path.format(name), query={"force": "1"} if thing == "container" else {})
        for name in found["volume"]:
            if chance.random() < 0.6:
                say("begin", thing="filled", name=name, to=False)
                self.do("volume", name, False, "DELETE", f"/volumes/{name}")

    def work(self, number, found):
        chance = random.Random(f"{self.plan['seed']} {number}")
        try:
            if number == 0:
                self.clean(found, chance)
            for i in range(100000):
                chance.choice([self.container, self.container, self.short_life, self.image, self.image, self.volume, self.network])(
                    f"l{self.plan['life']}w{number}n{i}", chance)
        except BaseException as failure:
            say("failed", text=repr(failure))

    def run(self):
        if self.plan["without_sync"]:
            calls = "fsync,fdatasync,syncfs,sync_file_range"
            command = self.daemon.command
            self.daemon.command = lambda *args: ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
                                                 "-e", f"inject={calls}:retval=0", *command(*args)]
        self.daemon.start(wait=False).wait_ready(120)
        if self.plan["life"] == 0:
            status, answer = self.ask("POST", "/images/load", starter_image().read_bytes())
            assert status == 200, answer.body
        found, problems, _ = self.look()
        self.wait_for_service(found, self.plan["serving"])
        say("found", found=found, problems=problems, log=[line for line in self.daemon.log_text().splitlines() if "error" in line.split(" ")[:4]])
        subprocess.run(["sync"], check=True)
        say("works")
        for number in range(WORKERS):
            threading.Thread(target=self.work, args=(number, found), daemon=True).start()
        time.sleep(600)


def main():
    DISK.mkdir(exist_ok=True)
    subprocess.run(["modprobe", "virtio_blk"], check=True)
    subprocess.run(["mount", "/dev/vda", DISK], check=True)
    Life(pathlib.Path(sys.argv[1])).run()


try:
    main()
except BaseException as failure:
    say("failed", text=repr(failure))
    time.sleep(60)
