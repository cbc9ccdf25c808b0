# SPDX-License-Identifier: Apache-2.0
"""A daemon whose effects on the world are counted, and which is ended by SIGKILL before a chosen one."""
import json
import mmap
import os
import struct
import subprocess
import time

from harness import daemon as daemons
from harness import leaks

OFF, CRASH, FAIL = 0, 1, 2
FORMAT = "5I44s"  # struct control of crash_at.c


def until(condition, seconds=float(os.environ.get("UNTIL","30"))):
    """Waits for a condition; the time limit only tells a failure from a slow machine."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it does not come to pass"
        time.sleep(0.01)
    return value


class Effects(daemons.Daemon):
    """Daemon with the library of crash_at.c in it."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        path = self.folder / "crash-at"
        path.write_bytes(bytes(struct.calcsize(FORMAT)))
        with open(path, "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 0)
        self.environment = {**self.environment, "MINATO_CRASH_AT": str(path),
                            "LD_PRELOAD": str(daemons.BUILD / "tests" / "faults" / "libcrash-at.so")}

    def arm(self, at, mode=CRASH, error=0, lasts=False):
        self.control[:] = struct.pack(FORMAT, OFF, 0, at, error, lasts, b"")
        self.control[:4] = struct.pack("I", mode)

    def disarm(self):
        self.control[:4] = struct.pack("I", OFF)

    @property
    def count(self):
        return struct.unpack(FORMAT, self.control[:])[1]

    @property
    def last(self):
        return struct.unpack(FORMAT, self.control[:])[5].rstrip(b"\0").decode()

    def is_dead(self):
        return self.process.poll() is not None

    def wait_idle(self):
        """Until it is dead, or has had no effect on anything for a while."""
        count, since = self.count, time.monotonic()
        while not self.is_dead() and time.monotonic() - since < 0.1:
            time.sleep(0.005)
            if self.count != count:
                count, since = self.count, time.monotonic()

    # ---- what there is, by names ----

    def get(self, path, **query):
        answer = self.request("GET", path, query=query)
        assert answer.status == 200, (path, answer.body)
        return answer.json()

    def containers(self):
        return {c["Names"][0][1:]: c for c in self.get("/containers/json", all="1")}

    def look(self):
        """Names of all there is, with the states of containers."""
        return {
            "containers": {name: c["State"] for name, c in self.containers().items()},
            "networks": sorted(n["Name"] for n in self.get("/networks")),
            "volumes": sorted("anonymous" if len(v["Name"]) == 64 else v["Name"] for v in self.get("/volumes")["Volumes"] or []),
            "tags": sorted(tag for i in self.get("/images/json") for tag in i["RepoTags"] or []),
        }

    def orphans(self):
        """What nobody owns: on the disk, among processes and mounts, in the network."""
        known = {c["Id"]: c for c in self.containers().values()}
        running = {i for i, c in known.items() if c["State"] in ("running", "paused")}
        networks = {n["Id"]: n["Name"] for n in self.get("/networks")}
        found = {
            "bundles": set(os.listdir(self.exec / "containers")) ^ running,
            "directories": set(os.listdir(self.data / "containers")) - set(known),
            "trash": set(os.listdir(self.data / "trash")),
            "temporary": set(os.listdir(self.data / "tmp")) - {"partial"},
            "sandboxes": self.records() ^ running,
            "volumes": self.volume_folders() ^ {v["Name"] for v in self.get("/volumes")["Volumes"] or []},
            "bridges": self.bridges() ^ {n[:12] for n, name in networks.items() if name not in ("none", "host", "bridge")},
            "mounts": {line.split()[4] for line in open("/proc/self/mountinfo") if str(self.folder) in line}
                      - {str(self.exec / "containers" / i / "shm") for i in running},  # those that let others in have one
            "processes": self.surplus_processes(len(running)),
            "links": self.surplus_links([known[i] for i in running]),
            "ports": self.ports() ^ {(p["Type"], p["PublicPort"]) for i in running for p in known[i]["Ports"] if "PublicPort" in p},
        }
        return {what: names for what, names in found.items() if names}

    def surplus_processes(self, nrunning):
        """Shims that serve nobody, runtimes that have not ended."""
        shims = [line for line in leaks._processes(self.folder) if "minato-shim" in line]
        others = {line for line in leaks._processes(self.folder) if "minato-shim" not in line}
        return others | ({f"{len(shims)} shims"} if len(shims) != nrunning else set())

    def surplus_links(self, running):
        """Host ends of veth pairs that carry: one per endpoint."""
        out = subprocess.run(self.command("ip", "-o", "link"), capture_output=True, text=True).stdout
        up = [line for line in out.splitlines() if ": veth" in line and "LOWER_UP" in line]
        wanted = sum(name not in ("none", "host") for c in running for name in c["NetworkSettings"]["Networks"])
        return {f"{len(up)} veth, {wanted} endpoints"} if len(up) != wanted else set()

    def ports(self):
        """(protocol, host port) of everything published in the packet filter."""
        out = subprocess.run(self.command("nft", "-j", "list", "ruleset"), capture_output=True, text=True).stdout
        found = set()
        for item in json.loads(out or '{"nftables": []}')["nftables"]:
            m = item.get("map", {})
            if m.get("name") not in ("any4", "any6", "ports4", "ports6"):
                continue
            for key, _ in m.get("elem", []):
                parts = key["concat"]
                found.add((parts[-2], parts[-1]))
        return found

    def records(self):
        folder = self.exec / "network"
        return {n for n in os.listdir(folder) if len(n) == 64} if folder.exists() else set()

    def volume_folders(self):
        folder = self.data / "volumes"
        return {n for n in os.listdir(folder) if (folder / n).is_dir()} if folder.exists() else set()

    def bridges(self):
        lines = links(self)
        return {name[3:] for name in lines if name.startswith("br-")}


def links(daemon):
    out = subprocess.run(daemon.command("ip", "-o", "link"), capture_output=True, text=True).stdout
    return [line.split(":")[1].strip().split("@")[0] for line in out.splitlines()]
