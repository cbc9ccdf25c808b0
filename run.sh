#!/bin/sh
# The main job on a fresh Debian 12, as root: installs what is missing, builds, starts a daemon of its own on a private
# root and socket, makes the embedded starter image (no registry needed) and runs a container that shows what it sees.
set -eu
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "$0: only root can make containers; try: sudo $0" >&2; exit 1; }
root=${MINATO_RUN_ROOT:-/var/tmp/minato-try}
socket=$root/minato.sock
mkdir -p "$root"
tools/deps build
echo "building (a few minutes the first time) ..."
make --no-print-directory BUILD=build >"$root/build.log" 2>&1 ||
    { tail -n 30 "$root/build.log" >&2; echo "the build failed; all of it is in $root/build.log" >&2; exit 1; }

if ! build/minato -H "unix://$socket" version >/dev/null 2>&1; then
    # A network namespace of its own: the host's interfaces and rules stay as they are.
    unshare --net -- sh -c 'ip link set lo up 2>/dev/null; exec "$@"' sh build/minatod \
        --data-root "$root/data" --exec-root "$root/run" --pidfile "$root/minatod.pid" -H "unix://$socket" \
        >"$root/minatod.log" 2>&1 &
    tries=0
    until build/minato -H "unix://$socket" version >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { echo "the daemon did not start:" >&2; tail -n 20 "$root/minatod.log" >&2; exit 1; }
        sleep 0.1
    done
fi

export MINATO_HOST="unix://$socket"
if ! build/minato image inspect busybox >/dev/null 2>&1; then
    tools/starter-image "$root/starter.tar" >/dev/null
    build/minato load -q -i "$root/starter.tar" >/dev/null
    rm -f "$root/starter.tar"
fi

echo "Minato runs. A container says what it can see of itself:"
build/minato run --rm --name hello --hostname harbour --memory 64m busybox sh -c '
    echo "  pid 1:     $(cat /proc/1/comm) (I am pid $$, one of $(ls -d /proc/[0-9]* | wc -l) processes)"
    echo "  hostname:  $(hostname)"
    echo "  address:   $(ip -4 -o addr show eth0 2>/dev/null | awk "{print \$4}")"
    limit=$(cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max)
    echo "  memory:    $((limit / 1048576)) MiB of $(awk "/MemTotal/ {print int(\$2 / 1024)}" /proc/meminfo) MiB"' || {
    code=$?
    echo "The container did not run. Making one needs a writable /sys/fs/cgroup and the rights to mount and to make" >&2
    echo "namespaces; the daemon's own words are in $root/minatod.log." >&2
    exit $code
}
echo
echo "Go on with:"
echo "  export MINATO_HOST=unix://$socket PATH=\"$(pwd)/build:\$PATH\""
echo "  minato run -it --rm busybox sh"
echo "End it with:"
echo "  kill \$(cat $root/minatod.pid)"
