# SPDX-License-Identifier: Apache-2.0
"""The same command through both command lines on the same daemon: same output, same messages, same exit code."""
import shlex

import pytest

from conftest import normal

COMMANDS = r"""
ps
ps -a
ps -aq
ps -q --no-trunc
ps --no-trunc
ps -s
ps -n 1
ps -l
ps -f name=web
ps -a -f status=exited
ps -f bad
ps -f foo=bar
ps --format '{{.Names}}'
ps --format 'table {{.Names}}\t{{.Ports}}\t{{.Status}}'
ps --format '{{json .}}'
ps --format json
ps --format '{{.Foo}}'
ps --format '{{.Labels}} {{.Label "a"}} {{.Mounts}} {{.Networks}} {{.Size}} {{.LocalVolumes}}'
ps --format '{{if'
ps --format 'table {{.ID}}'
ps -a --format '{{lower .Names}} {{upper .Image}} {{truncate .ID 3}}{{println}}'
ps --format '{{define "x"}}<{{.Names}}>{{end}}{{template "x" .}} {{template "x" .}}'
ps --format '{{template "nosuch"}}'
ps --format '{{.AFieldThatHasAVeryLongNameIndeed}}'
ps --format '{{index .Names "x"}}'
ps --format '{{block "b" .Names}}[{{.}} {{$}}]{{end}} {{with .Image}}{{template "b" .}}{{end}}'
ps --format '{{define "x"}}{{define "y"}}{{end}}{{end}}'
ps --format '{{template "nosuch" .Names}}'
ps --format '{{define "x"}}'
ps --format '{{define x}}{{end}}'
ps --format '{{template x}}'
ps --format '{{$v := 1}}{{define "x"}}{{$v}}{{end}}'
ps --format '{{define "x"}}a{{else}}b{{end}}'
ps --format '{{range $i, $c := .Names}}{{define "x"}}{{end}}{{end}}'
ps --format '{{define "x"}}{{$v := .Image}}{{$v}}{{end}}{{$v := "kept"}}{{template "x" .}} {{$v}}'
ps --format '{{define "x"}}{{break}}{{end}}{{template "x"}}'
ps --format 'table {{define "n"}}{{.Names}}{{end}}{{template "n" .}}\t{{.Image}}'
inspect -f '{{define "m"}}{{.Destination}};{{end}}{{range .Mounts}}{{template "m" .}}{{end}}' web
images
images -q
images --digests
images --no-trunc
images busybox
images --format '{{.Repository}}:{{.Tag}} {{.Size}} {{.CreatedSince}}'
images --format json
images -a --filter dangling=true
history busybox
history -q busybox
history --no-trunc --format '{{.ID}} {{.Size}} {{.CreatedBy}} {{.Comment}}' busybox
history -H=false busybox
inspect nosuch
inspect -f '{{.State.Status}} {{.HostConfig.NetworkMode}} {{.Config.Env}}' web
inspect -f '{{json .Mounts}}' web
inspect -f '{{.Foo}}' web
inspect -f '{{range .Mounts}}{{.Source}} {{.Destination}};{{end}}' web
inspect -f '{{.State.Health}} {{.HostConfig.Binds}} {{.Config.Labels}} {{.HostConfig.PidsLimit}} {{.Config.Entrypoint}} {{.HostConfig.MemorySwappiness}}' web
inspect -f '{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{(index $c 0).HostPort}} {{end}}' web
inspect -f '{{.NetworkSettings.IPAddress}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web
inspect -f '{{.Config.Labels.zzz}}' web
inspect -f '{{index .Config.Labels "a"}} {{index .Config.Labels "zzz"}}' web
inspect -f '{{if' web
inspect --type image web
inspect -s -f '{{.SizeRw}}' web
container inspect nosuch
image inspect busybox
image inspect nosuch
image inspect -f '{{.RepoTags}} {{.Architecture}} {{.Config.Cmd}} {{.Size}}' busybox
volume inspect vol1
volume inspect nosuch
network inspect n1
network inspect nosuch
network ls
network ls -q
network ls --no-trunc
volume ls
volume ls -q
volume ls --format '{{.Name}} {{.Driver}} {{.Mountpoint}} {{.Scope}} {{.Labels}}'
volume ls --format json
port web
port web 80
port web 80/tcp
port web 81
diff done
diff web
logs done
logs --tail 1 done
logs -t done
logs nosuch
logs --since zz done
wait done
wait nosuch
kill nosuch
kill done
stop nosuch web2
start nosuch
pause done
rm nosuch
rm -f nosuch
rm web
rename nosuch x
rename web done
rmi nosuch
rmi busybox
tag nosuch x:y
tag busybox 'BAD:::x'
volume rm nosuch
volume rm vol1
exec nosuch ls
exec done ls
exec web nosuchcmd
exec web sh -c 'exit 9'
exec -u nobody web id
exec -w /tmp -e A=b web sh -c 'env | sort; echo $A'
exec -d web true
exec -it web true
attach done
commit nosuch
export nosuch
version --format '{{.Server.Version}} {{.Server.APIVersion}}'
run --rm busybox nosuchcmd
run --rm busybox /tmp
run --rm busybox sh -c 'echo o; echo e >&2; exit 5'
run --rm -it busybox true
run --rm -t busybox sh -c 'tty; echo x'
run --rm -e A=1 -e B -e PATH busybox env
run --rm -w /tmp -u 1:2 busybox sh -c 'pwd; id'
run --rm --entrypoint echo busybox a b
run --rm --entrypoint '' busybox echo x
run --name web busybox true
run --rm -p x busybox true
run --rm -p 99999:80 busybox true
run --rm -v /a:/b:c:d busybox true
run --rm -m 1 busybox true
run --rm -m abc busybox true
run --rm --cpus x busybox true
run --rm --restart always busybox true
run --restart foo busybox true
run --rm --network nosuch busybox true
run --rm --network none busybox ls /sys/class/net
run --rm --ulimit nofile=10:20 busybox sh -c 'ulimit -n; ulimit -Hn'
run --rm --ulimit foo=1 busybox true
run --rm --security-opt foo busybox true
run --rm --security-opt seccomp=/nonexist busybox true
run --rm --mount type=bind,src=/nonexist,dst=/x busybox true
run --rm --mount type=foo,dst=/x busybox true
run --rm --mount foo busybox true
run --rm --mount type=tmpfs,dst=/x,tmpfs-size=1m busybox sh -c 'ls -d /x'
run --rm --tmpfs /y:size=1m busybox ls -d /y
run --rm --add-host foo:1.2.3.4 busybox cat /etc/hosts
run --rm --add-host foo busybox true
run --rm --device /dev/nonexist busybox true
run --rm -a stdout busybox sh -c 'echo o; echo e >&2'
run --rm -a foo busybox true
run -d -a stdout busybox true
run --rm --env-file /nonexist busybox true
run --rm --pull foo busybox true
run --rm --health-interval -1s busybox true
run --rm --hostname h1 busybox sh -c 'hostname || cat /etc/hostname'
create --name web busybox
logout foo.example
pull BAD
events --since 1 --until 2
volume create --driver nosuch v
top web -o pid,comm
info --format '{{.NCPU}} {{.OSType}}'
system df --format '{{.Type}}'
inspect web nosuch
inspect -f '{{.Name}} {{.Path}} {{.Args}}' web
run --rm busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done'
run --rm --read-only busybox touch /x
run --rm --cap-drop all busybox chown 1:1 /tmp
run --rm -l x=y --label-file /nonexist busybox true
run --rm --init busybox true
run --rm --network host --publish 80:80 busybox true
run --rm --volumes-from nosuch busybox true
run --rm --network container:nosuch busybox true
run --rm --pid host --ipc host --uts host busybox true
run --rm --memory 8m --cpus 0.5 --pids-limit 50 busybox true
run --rm -u nosuchuser busybox true
run --rm -w relative busybox true
run --rm -e =x busybox true
run --rm --name 'bad name' busybox true
run --rm --stop-signal NOSUCH busybox true
run --rm --log-driver nosuch busybox true
run --rm --runtime nosuch busybox true
run --rm --sysctl nosuch=1 busybox true
run --rm --cap-add NOSUCH busybox true
exec web true
exec -e A=1 web sh -c 'echo $A'
exec --user nosuchuser web true
exec web
logs --tail 0 done
logs --until 1s done
ps -a --filter exited=4 --format '{{.Names}}'
ps --filter label=a=b --format '{{.Names}}'
ps --filter volume=vol1 -q
ps --filter network=bridge --format '{{.Names}}'
ps --filter health=nosuch
ps --filter status=nosuch
images --filter reference='busy*' --format '{{.Repository}}'
images --filter nosuch=1
volume ls --filter name=vol1 -q
volume ls --filter nosuch=1
network ls --filter name=n1 --format '{{.Name}}'
network ls --filter nosuch=1
container prune
volume rm vol1 nosuch
network rm n1 --nosuch
network disconnect n1 web
unpause web
pause nosuch
wait done done
rename web web
rename nosuch
tag busybox Bad
rmi -f nosuch
kill -s NOSUCH web
"""


@pytest.mark.parametrize("line", [line for line in COMMANDS.splitlines() if line.strip()])
def test_same_as_docker(engine, clis, line):
    ours, docker = clis(engine)
    if not docker:
        pytest.skip("no docker command line here")
    want, got = docker(*shlex.split(line)), ours(*shlex.split(line))
    assert (got.code, normal(got.out), normal(got.err)) == (want.code, normal(want.out), normal(want.err)), line
