// SPDX-License-Identifier: Apache-2.0
// dockerode against a daemon: node dockerode.js SOCKET; says "ok" and exits 0, or throws.
'use strict';
const assert = require('assert');
const { PassThrough } = require('stream');
const Docker = require('dockerode');

const docker = new Docker({ socketPath: process.argv[2] });

function collect(stream) {
  return new Promise((resolve, reject) => {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => resolve(Buffer.concat(parts)));
    stream.on('error', reject);
  });
}

async function demux(container, stream) {
  const out = new PassThrough(), err = new PassThrough();
  const both = Promise.all([collect(out), collect(err)]);
  container.modem.demuxStream(stream, out, err);
  stream.on('end', () => { out.end(); err.end(); });
  return (await both).map(String);
}

async function main() {
  assert.strictEqual(String(await docker.ping()), 'OK');
  assert.strictEqual((await docker.version()).Os, 'linux');

  const [result, ran] = await docker.run('busybox', ['sh', '-c', 'echo hello; exit 5'], new PassThrough().resume(), { Tty: false, HostConfig: { NetworkMode: 'none' } });
  assert.strictEqual(result.StatusCode, 5);
  assert.strictEqual(String(await ran.logs({ stdout: true })).slice(8), 'hello\n');
  await ran.remove();

  const network = await docker.createNetwork({ Name: 'rode', Labels: { a: 'b' } });
  const volume = await docker.createVolume({ Name: 'rodevol' });
  const container = await docker.createContainer({
    Image: 'busybox', name: 'rode', Cmd: ['cat'], OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
    HostConfig: { NetworkMode: 'rode', Binds: ['rodevol:/data'], PortBindings: { '80/tcp': [{ HostPort: '' }] } }, ExposedPorts: { '80/tcp': {} },
  });
  const attached = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
  const events = await docker.getEvents({ filters: { container: ['rode'] } });
  const seen = [];
  events.on('data', (line) => seen.push(String(line)));
  await container.start();
  attached.write('ping\n');
  const first = await new Promise((resolve) => attached.once('data', resolve));
  assert.deepStrictEqual([first[0], String(first.subarray(8))], [1, 'ping\n']);

  const exec = await container.exec({ Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'], AttachStdout: true, AttachStderr: true });
  assert.deepStrictEqual(await demux(container, await exec.start({})), ['out\n', 'err\n']);
  assert.strictEqual((await exec.inspect()).ExitCode, 3);

  const stats = await container.stats({ stream: false });
  assert.ok(stats.memory_stats.usage > 0);
  const inspected = await container.inspect();
  assert.ok(inspected.NetworkSettings.Ports['80/tcp'][0].HostPort > 0);
  assert.strictEqual(inspected.Mounts[0].Name, 'rodevol');
  assert.ok((await collect(await container.getArchive({ path: '/etc/hosts' }))).length >= 1024);
  assert.ok((await container.top()).Processes.length === 1);
  assert.deepStrictEqual((await docker.listContainers({ filters: { name: ['rode'] } })).map((c) => c.Names[0]), ['/rode']);

  attached.end();
  assert.strictEqual((await container.wait()).StatusCode, 0);
  const lines = await container.logs({ follow: true, stdout: true });
  assert.strictEqual(String((await collect(lines)).subarray(8)), 'ping\n');
  await container.remove();
  await network.remove();
  await volume.remove();
  assert.ok(seen.join('').includes('"start"'));
  events.destroy();
  await assert.rejects(docker.getContainer('nosuch').inspect(), (error) => error.statusCode === 404);

  const image = docker.getImage('busybox');
  await image.tag({ repo: 'rode', tag: 'x' });
  assert.ok((await docker.getImage('rode:x').history()).length >= 1);
  await docker.getImage('rode:x').remove();
  assert.ok((await docker.listImages()).length >= 1);
  console.log('ok');
}

main().catch((error) => { console.error(error); process.exit(1); });
