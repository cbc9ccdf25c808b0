"""`system df` and `df -v` against `du`, with images that share layers, containers that wrote data and logs, and volumes."""
import os, pathlib, re, subprocess, sys, time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import evil_layers
from conftest import archive
from harness import daemon as daemons

TAR = {'Content-Type': 'application/x-tar'}
WRITES = '''
dd if=/dev/urandom of=/data bs=1M count=6 2>/dev/null; ln /data /again; truncate -s 500M /sparse
mkdir /many; for i in $(seq 300); do echo $i >/many/$i; done
dd if=/dev/urandom bs=1k count=3000 2>/dev/null | od -An -tx1
[ -d /volume ] && dd if=/dev/urandom of=/volume/data bs=1M count=5 2>/dev/null
exit 0
'''


def du(*paths):
    return sum(int(line.split()[0]) for line in subprocess.run(['du', '-s', '-B1', *map(str, paths)], capture_output=True, text=True, check=True).stdout.splitlines())


def near(value, wanted):
    return abs(value - wanted) <= wanted / 100


@pytest.mark.parametrize('driver', ['erofs', 'unpack'])
def test_df_agrees_with_du(driver):
    layer = [evil_layers.Writer().add(f'bulk{i}', data=os.urandom(5_000_000 + i * 300_000)).bytes() for i in range(4)]
    with daemons.Daemon('--storage-driver', driver) as one:
        for name, layers in (('a:1', layer[:2]), ('b:1', layer[:3]), ('c:1', [layer[0], layer[3]])):
            assert one.request('POST', '/images/load', archive(layers, name), headers=TAR).status == 200
        with open(daemons.starter_image(), 'rb') as image:
            one.request('POST', '/images/load', image.read(), headers=TAR)
        for number, volume in ((1, True), (2, False)):
            body = {'Image': 'busybox', 'Cmd': ['sh', '-c', WRITES], 'HostConfig': {'NetworkMode': 'none'}, 'Volumes': {'/volume': {}} if volume else {}}
            container = one.request('POST', '/containers/create', body, query={'name': f'writer{number}'}).json()['Id']
            one.request('POST', f'/containers/{container}/start')
            assert one.request('POST', f'/containers/{container}/wait', timeout=60).json()['StatusCode'] == 0
        os.sync()
        df = one.request('GET', '/v1.47/system/df').json()
        later = one.request('GET', '/system/df', query={'verbose': '1'}).json()
        assert near(df['LayersSize'], du(one.data / 'layers', one.data / 'blobs'))
        assert near(sum(c['SizeRw'] for c in df['Containers']), du(*(one.data / 'containers').iterdir()))
        assert near(sum(v['UsageData']['Size'] for v in df['Volumes']), du(*(p for p in (one.data / 'volumes').rglob('_data')))), df['Volumes']
        assert later['ImageUsage']['TotalSize'] == df['LayersSize']
        assert later['ContainerUsage']['TotalSize'] == sum(c['SizeRw'] for c in df['Containers'])
        assert later['VolumeUsage']['TotalSize'] == sum(v['UsageData']['Size'] for v in df['Volumes'])
        # shared layers once: what each image has alone, and what several have (layer 0 by three, layer 1 by two)
        shared = len(layer[0]) + len(layer[1])
        assert near(sum(i['Size'] - max(i['SharedSize'], 0) for i in df['Images']) + shared, df['LayersSize'])
        # one container is removed: what df said it takes is back, within a percent of all
        before = du(one.data / 'containers')
        size = next(c['SizeRw'] for c in df['Containers'] if c['Names'] == ['/writer2'])
        assert one.request('DELETE', '/containers/writer2').status == 204
        until = time.monotonic() + 30
        while not near(before - du(one.data / 'containers'), size) and time.monotonic() < until:
            time.sleep(0.05)
        assert near(before - du(one.data / 'containers'), size)
        cli = [daemons.program('minato'), '-H', f'unix://{one.socket}', 'system', 'df']
        shown = subprocess.run([*cli, '--format', '{{.Type}}|{{.Size}}'], capture_output=True, text=True).stdout
        size = float(re.search(r'Images\|([0-9.]+)MB', shown)[1]) * 1e6
        assert near(size, du(one.data / 'layers', one.data / 'blobs'))
        assert 'Images space usage' in subprocess.run([*cli, '-v'], capture_output=True, text=True).stdout
