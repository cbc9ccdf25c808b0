# SPDX-License-Identifier: Apache-2.0
"""cp in all its cases: both command lines leave the same files and say the same."""
import base64
import io
import json
import os
import subprocess
import tarfile

from fake_daemon import FakeDaemon

CASES = """
web:/w/file out1
web:/w/file .
web:/w d1
web:/w d1
web:/w/. d2
web:/w/d/. d1
web:/w/l ll
-L web:/w/l lfile
web:/w/nosuch x
web:/w/file nosuchdir/x
web:/w/file nosuchdir/
web:/w out1
nosuch:/w x
src web:/w/
src web:/w/new
src/. web:/w/d
f1 web:/w/renamed
f1 web:/w/d
f1 web:/w/dl
f1 web:/w/nodir/x
src web:/w/file
nosuch web:/w
-q f1 web:/w/q
-L src/link web:/w/follow
src/link web:/w/nofollow
-a src web:/w/archive
web:/w web:/x
a b
"""


def files(folder):
    return sorted((os.path.relpath(path, folder), oct(os.lstat(path).st_mode), os.readlink(path) if os.path.islink(path) else "")
                  for root, folders, names in os.walk(folder) for path in (os.path.join(root, name) for name in folders + names))


def run_cases(cli, folder):
    (folder / "src" / "sub").mkdir(parents=True)
    (folder / "src" / "sub").chmod(0o750)
    (folder / "src" / "a").write_text("one")
    (folder / "src" / "sub" / "b").write_text("two")
    (folder / "src" / "link").symlink_to("a")
    (folder / "f1").write_text("file")
    cli.ok("exec", "web", "sh", "-c", "rm -rf /w; mkdir -p /w/d; echo x >/w/file; ln -s file /w/l; echo y >/w/d/y; ln -s d /w/dl")
    seen = []
    for line in CASES.strip().splitlines():
        done = subprocess.run([cli.program, "cp", *line.split()], cwd=folder, env=cli.environment, capture_output=True, text=True)
        errors = [text for text in done.stderr.splitlines() if not text.startswith("time=")]
        seen.append((line, done.returncode, "\n".join(errors).replace(str(folder), "HERE")))
    inside = cli.ok("exec", "web", "sh", "-c", "cd /w; find . | sort | xargs stat -c '%n %A %u'")
    return seen, files(folder), inside


def test_every_case(engine, clis, tmp_path):
    results = []
    for cli in filter(None, clis(engine)):
        folder = tmp_path / f"files{len(results)}"
        folder.mkdir()
        results.append(run_cases(cli, folder))
    assert results[0] == results[-1]


def hostile(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, target in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, target, 4 if kind == tarfile.REGTYPE else 0
            archive.addfile(entry, io.BytesIO(b"evil") if entry.size else None)
    stat = base64.b64encode(json.dumps({"name": "x", "mode": 0x80000000 | 0o755, "mtime": "2024-01-01T00:00:00Z"}).encode()).decode()
    return lambda request: request.reply(200, out.getvalue(), X_Docker_Container_Path_Stat=stat, Content_Type="application/x-tar")


def test_an_archive_cannot_leave_its_directory(clis, tmp_path):
    for number, entries in enumerate([
            [("x/../../escaped", tarfile.REGTYPE, "")],
            [("/escaped", tarfile.REGTYPE, "")],
            [("x", tarfile.DIRTYPE, ""), ("x/link", tarfile.SYMTYPE, str(tmp_path)), ("x/link/escaped", tarfile.REGTYPE, "")],
            [("x", tarfile.DIRTYPE, ""), ("x/link", tarfile.SYMTYPE, "../.."), ("x/link/escaped", tarfile.REGTYPE, "")],
            [("x", tarfile.DIRTYPE, ""), ("x/hard", tarfile.LNKTYPE, "../outside"), ("x/hard", tarfile.REGTYPE, "")]]):
        with FakeDaemon({("GET", "/containers/c/archive"): hostile(entries)}) as daemon:
            ours, _ = clis(daemon.host)
            inside = tmp_path / f"in{number}" / "deep"
            inside.mkdir(parents=True)
            (tmp_path / "outside").write_text("good")
            ours("cp", "c:/x", inside)
            found = [path for path in tmp_path.rglob("escaped") if "deep" not in path.parts]
            assert not found and not os.path.exists("/escaped")
            assert (tmp_path / "outside").read_text() == "good"
