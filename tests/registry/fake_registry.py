# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves on request: the distribution API over plain sockets with a schedule of faults.

    registry = FakeRegistry()
    image = registry.add_image('app', 'latest', layers=3)
    registry.fault('GET', r'/blobs/', truncate=65536)          # once
    registry.fault('GET', r'/manifests/', status=503, times=2)

A fault applies to the first `times` requests whose method and path match, in the order given. Its keys:
    status=N, headers={}, body=b''   answer so instead of the right way
    truncate=N      send only N bytes of the body, then close; reset=N: the same with a TCP reset
    stall=N         send N bytes, then nothing more until the client goes away
    pause=S         sleep between pieces of `piece` bytes (default 1)
    length=N        announce this Content-Length;  extra=b'...': send it after the body
    replace=b'...'  another body;  header={...}: further headers beside the right ones
    endless=True    a body without end, chunked (length=N: announced as N bytes)
    no_range=True   ignore Range;  wrong_range=True: answer another range than asked for
    raw=b'...'      these bytes instead of an answer
    take=N          keep only N bytes of an upload's body, then close without an answer
"""
import base64, gzip, hashlib, io, itertools, json, os, re, socket, ssl, struct, tarfile, threading, time

DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
OCI_INDEX = 'application/vnd.oci.image.index.v1+json'


def digest_of(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def make_layer(name, data):
    """(compressed blob, uncompressed tar) of a layer with one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 1, mtime=0), out.getvalue()


class Image:
    """What add_image made: `layers` are (blob, tar), `manifest` and `config` bytes."""


class Request:
    def __init__(self, method, target, headers, body, registry):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, self.query = target.partition('?')
        self.registry = registry

    def __repr__(self):
        return f'{self.method} {self.target}'


class FakeRegistry:
    def __init__(self, host='127.0.0.1', port=0, tls=None):
        """`tls`: an ssl.SSLContext of a server, or a function that gets the raw socket and gives the wrapped one."""
        self.blobs, self.manifests, self.uploads = {}, {}, {}
        self.upload_names = itertools.count()
        self.faults, self.requests, self.sent = [], [], 0
        self.basic = None    # (user, password)
        self.realm = None    # URL of the token service: answer 401 Bearer until a token of `tokens` comes
        self.tokens = set()
        self.token_answer = None  # for the token service's own path /token: a function request -> dict or (status, dict)
        self.token_uses = None    # how many requests a token is good for
        self.page = None          # tags per page
        self.tls, self.lock = tls, threading.Lock()
        self.listener = socket.create_server((host, port), backlog=64)
        self.host, self.port = host, self.listener.getsockname()[1]
        self.address = f'{host}:{self.port}'
        self.is_open = True
        self.acceptor = threading.Thread(target=self.accept_loop, daemon=True)
        self.acceptor.start()

    def close(self):
        """The acceptor has ended before the listener's descriptor is free: it would accept on the next registry's."""
        self.is_open = False
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.acceptor.join()
        self.listener.close()

    # ---- content ----

    def add_blob(self, data):
        self.blobs[digest_of(data)] = data
        return digest_of(data)

    def add_manifest(self, repository, references, document, media_type=DOCKER_MANIFEST):
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        for reference in [references] if isinstance(references, str) else references:
            self.manifests[repository, reference] = (media_type, data)
        self.manifests[repository, digest_of(data)] = (media_type, data)
        return data

    def add_image(self, repository='app', tag='latest', layers=2, size=100_000, seed=b'', architecture='amd64', change=None):
        """A small image; `change(manifest, config)` may edit both documents before they are stored."""
        image = Image()
        image.layers = [make_layer(f'file{i}', (os.urandom(size) if not seed else
                                               hashlib.shake_128(seed + bytes([i])).digest(size))) for i in range(layers)]
        config = {'architecture': architecture, 'os': 'linux', 'config': {'Cmd': ['/bin/true']},
                  'rootfs': {'type': 'layers', 'diff_ids': [digest_of(tar) for _, tar in image.layers]}}
        manifest = {'schemaVersion': 2, 'mediaType': DOCKER_MANIFEST, 'config': {'mediaType': DOCKER_CONFIG},
                    'layers': [{'mediaType': DOCKER_LAYER, 'size': len(blob), 'digest': self.add_blob(blob)}
                               for blob, _ in image.layers]}
        if change:
            change(manifest, config)
        image.config = json.dumps(config).encode()
        manifest['config'] = {'mediaType': DOCKER_CONFIG, 'size': len(image.config), 'digest': self.add_blob(image.config),
                              **{k: v for k, v in manifest['config'].items()}}
        image.manifest = self.add_manifest(repository, tag, manifest, manifest.get('mediaType') or DOCKER_MANIFEST)
        image.digest, image.id = digest_of(image.manifest), digest_of(image.config)
        return image

    def add_index(self, repository, tag, images, media_type=DOCKER_LIST):
        """`images`: [(image, 'linux/arm/v7')]."""
        entries = []
        for image, platform in images:
            os_name, architecture, *variant = platform.split('/')
            entries.append({'mediaType': DOCKER_MANIFEST, 'size': len(image.manifest), 'digest': image.digest,
                            'platform': {'os': os_name, 'architecture': architecture,
                                         **({'variant': variant[0]} if variant else {})}})
        return self.add_manifest(repository, tag, {'schemaVersion': 2, 'mediaType': media_type, 'manifests': entries}, media_type)

    def fault(self, method, pattern, times=1, **fault):
        self.faults.append([method, re.compile(pattern), times, fault])

    def saw(self, text):
        """Requests with `text` anywhere in their headers or bodies."""
        return [r for r in self.requests if any(text in value for value in r.headers.values()) or text.encode() in r.body or text in r.target]

    # ---- the wire ----

    def accept_loop(self):
        while self.is_open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            client.settimeout(60)
            if callable(self.tls):
                client = self.tls(client)
            elif self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            elif client.recv(1, socket.MSG_PEEK) == b'\x16':
                return  # a TLS greeting
            reader = client.makefile('rb')
            while (request := self.read_request(reader)) is not None:
                with self.lock:
                    self.requests.append(request)
                if not self.answer(client, request):
                    break
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            try:
                client.close()
            except OSError:
                pass

    def read_request(self, reader):
        line = reader.readline(65536)
        if not line.strip():
            return None
        method, target, _ = line.decode('latin1').split(' ', 2)
        headers = {}
        while (line := reader.readline(65536).decode('latin1').strip()):
            name, _, value = line.partition(':')
            headers[name.strip().lower()] = value.strip()
        body = b''
        if headers.get('transfer-encoding') == 'chunked':
            while (size := int(reader.readline().split(b';')[0], 16)):
                body += reader.read(size)
                reader.readline()
            reader.readline()
        elif 'content-length' in headers:
            body = reader.read(int(headers['content-length']))
        return Request(method, target, headers, body, self)

    def take_fault(self, request):
        with self.lock:
            for entry in self.faults:
                method, pattern, times, fault = entry
                if times > 0 and request.method == method and pattern.search(request.target):
                    entry[2] -= 1
                    return fault
        return {}

    def answer(self, client, request):
        """Sends the answer; false when the connection ends."""
        fault = self.take_fault(request)
        if 'take' in fault:
            self.uploads[request.path.rsplit('/', 1)[1]] += request.body[:fault['take']]
            return False
        if 'raw' in fault:
            client.sendall(fault['raw'])
            return False
        if 'status' in fault:
            status, headers, body = fault['status'], dict(fault.get('headers', {})), fault.get('body', b'')
        else:
            status, headers, body = self.handle(request, fault)
        body = fault.get('replace', body)
        headers.update(fault.get('header', {}))
        if fault.get('endless'):
            return self.send_endless(client, status, headers, fault)
        headers['Content-Length'] = str(fault.get('length', len(body)))
        head = f'HTTP/1.1 {status} X\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in headers.items()) + '\r\n'
        client.sendall(head.encode('latin1'))
        if request.method == 'HEAD':
            return True
        return self.send_body(client, body + fault.get('extra', b''), fault)

    def send_body(self, client, body, fault):
        limit = next((fault[key] for key in ('truncate', 'reset', 'stall') if key in fault), None)
        piece = fault.get('piece', 1) if 'pause' in fault else 65536
        end = len(body) if limit is None else min(limit, len(body))
        for at in range(0, end, piece):
            client.sendall(body[at:min(at + piece, end)])
            with self.lock:
                self.sent += min(piece, end - at)
            if 'pause' in fault:
                time.sleep(fault['pause'])
        if limit is None:
            return 'length' not in fault and 'extra' not in fault
        if 'stall' in fault:
            client.settimeout(120)
            client.recv(1)
        if 'reset' in fault:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        return False

    def send_endless(self, client, status, headers, fault):
        if 'length' in fault:
            headers['Content-Length'] = str(fault['length'])
        else:
            headers['Transfer-Encoding'] = 'chunked'
        client.sendall((f'HTTP/1.1 {status} X\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in headers.items()) + '\r\n').encode())
        piece = b'{"a":[' + b'0,' * 8189
        if 'length' not in fault:
            piece = b'%x\r\n' % len(piece) + piece + b'\r\n'
        while self.is_open:
            client.sendall(piece)
            self.sent += len(piece)

    # ---- the API ----

    def error(self, status, code, message='', headers=None):
        body = json.dumps({'errors': [{'code': code, 'message': message or code.lower().replace('_', ' ')}]}).encode()
        return status, {'Content-Type': 'application/json', **(headers or {})}, body

    def refuse(self, request):
        """The 401 of somebody without credentials, or None."""
        given = request.headers.get('authorization', '')
        if self.basic:
            wanted = 'Basic ' + base64.b64encode(':'.join(self.basic).encode()).decode()
            if given != wanted:
                return self.error(401, 'UNAUTHORIZED', 'authentication required', {'WWW-Authenticate': 'Basic realm="fake"'})
        if self.realm:
            token = given.removeprefix('Bearer ')
            if token not in self.tokens:
                challenge = f'Bearer realm="{self.realm}",service="fake",scope="repository:app:pull"'
                return self.error(401, 'UNAUTHORIZED', 'authentication required', {'WWW-Authenticate': challenge})
            if self.token_uses is not None:
                self.token_uses -= 1
                if self.token_uses <= 0:
                    self.tokens.discard(token)
        return None

    def handle_token(self, request):
        answer = self.token_answer(request)
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        return status, {'Content-Type': 'application/json'}, json.dumps(document).encode()

    def handle(self, request, fault):
        if request.path == '/token' and self.token_answer:
            return self.handle_token(request)
        refusal = self.refuse(request)
        if refusal:
            return refusal
        if request.path == '/v2/':
            return 200, {'Content-Type': 'application/json'}, b'{}'
        m = re.fullmatch(r'/v2/(.+)/(manifests|blobs|tags|referrers)/(.+)', request.path)
        if not m:
            return self.error(404, 'NOT_FOUND')
        repository, kind, name = m.groups()
        if '/uploads' in '/' + name and kind == 'blobs' or repository.endswith('/blobs'):
            return self.handle_upload(request, re.sub(r'/blobs.*', '', repository))
        if kind == 'manifests':
            return self.handle_manifest(request, repository, name)
        if kind == 'tags':
            return self.handle_tags(request, repository)
        if kind == 'referrers':
            return self.handle_referrers(repository, name)
        return self.handle_blob(request, name, fault)

    def handle_manifest(self, request, repository, name):
        if request.method == 'PUT':
            self.add_manifest(repository, name, request.body, request.headers.get('content-type'))
            return 201, {'Docker-Content-Digest': digest_of(request.body)}, b''
        if (repository, name) not in self.manifests:
            return self.error(404, 'MANIFEST_UNKNOWN')
        media_type, data = self.manifests[repository, name]
        return 200, {'Content-Type': media_type, 'Docker-Content-Digest': digest_of(data)}, data

    def handle_tags(self, request, repository):
        tags = sorted(ref for repo, ref in self.manifests if repo == repository and ':' not in ref)
        last = re.search(r'last=([^&]*)', request.query)
        if last:
            tags = [tag for tag in tags if tag > last.group(1)]
        headers = {'Content-Type': 'application/json'}
        if self.page and len(tags) > self.page:
            tags = tags[:self.page]
            headers['Link'] = f'</v2/{repository}/tags/list?last={tags[-1]}&n={self.page}>; rel="next"'
        return 200, headers, json.dumps({'name': repository, 'tags': tags}).encode()

    def handle_referrers(self, repository, digest):
        entries = []
        for (repo, reference), (media_type, data) in self.manifests.items():
            document = json.loads(data)
            if repo == repository and ':' in reference and (document.get('subject') or {}).get('digest') == digest:
                entries.append({'mediaType': media_type, 'digest': reference, 'size': len(data),
                                'artifactType': document.get('artifactType') or document['config']['mediaType']})
        index = {'schemaVersion': 2, 'mediaType': OCI_INDEX, 'manifests': entries}
        return 200, {'Content-Type': OCI_INDEX}, json.dumps(index).encode()

    def handle_blob(self, request, digest, fault):
        data = self.blobs.get(digest)
        if data is None:
            return self.error(404, 'BLOB_UNKNOWN')
        headers = {'Content-Type': 'application/octet-stream', 'Docker-Content-Digest': digest}
        asked = re.fullmatch(r'bytes=(\d+)-', request.headers.get('range', ''))
        if not asked or fault.get('no_range'):
            return 200, headers, data
        start = int(asked.group(1)) + (7 if fault.get('wrong_range') else 0)
        if start >= len(data):
            return self.error(416, 'RANGE_INVALID')
        headers['Content-Range'] = f'bytes {start}-{len(data) - 1}/{len(data)}'
        return 206, headers, data[start:]

    def handle_upload(self, request, repository):
        if request.method == 'POST':
            mount = re.search(r'mount=([^&]*)', request.query)
            if mount and mount.group(1) in self.blobs:
                return 201, {'Docker-Content-Digest': mount.group(1)}, b''
            name = f'u{next(self.upload_names)}'
            self.uploads[name] = b''
            return 202, {'Location': f'/v2/{repository}/blobs/uploads/{name}?state=1'}, b''
        name = request.path.rsplit('/', 1)[1]
        if name not in self.uploads:
            return self.error(404, 'BLOB_UPLOAD_UNKNOWN')
        if request.method == 'GET':
            place = {'Location': f'/v2/{repository}/blobs/uploads/{name}?state=3', 'Range': f'0-{max(len(self.uploads[name]) - 1, 0)}'}
            return 204, place, b''
        self.uploads[name] += request.body
        if request.method == 'PATCH':
            return 202, {'Location': f'/v2/{repository}/blobs/uploads/{name}?state=2'}, b''
        digest = re.search(r'digest=([^&]*)', request.query).group(1)
        if digest_of(self.uploads[name]) != digest:
            return self.error(400, 'DIGEST_INVALID')
        self.blobs[digest] = self.uploads.pop(name)
        return 201, {'Docker-Content-Digest': digest}, b''
