# SPDX-License-Identifier: Apache-2.0
"""`import` from a URL: the daemon fetches the archive."""
import gzip, http.server, io, json, tarfile, threading

import pytest

from test_daemon import CLIENTS, daemon, messages, network_of, run  # noqa: F401 (fixture)


def tree(size=300_000):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        info = tarfile.TarInfo('file')
        info.size = size
        tar.addfile(info, io.BytesIO(b'x' * size))
    return out.getvalue()


class Server(http.server.ThreadingHTTPServer):
    """Serves `pages`: path -> bytes, or a function of the request's handler."""
    daemon_threads = True

    def __init__(self):
        self.pages = {}
        super().__init__(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server_port}'
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = self.server.pages.get(self.path.partition('?')[0])
        if page is None:
            return self.send_error(404)
        if callable(page):
            return page(self)
        self.send_response(200)
        self.send_header('Content-Length', str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


@pytest.fixture
def web(daemon):
    with network_of(daemon):
        server = Server()
    yield server
    server.shutdown()
    server.server_close()


def fetch(daemon, url, **query):
    return daemon.request('POST', '/images/create', query={'fromSrc': url, **query})


def nothing_is_left(daemon):
    assert daemon.request('GET', '/images/json', query={'all': '1'}).json() == []
    assert not list((daemon.data / 'layers').iterdir())


def test_an_archive_with_changes(daemon, web):
    web.pages = {'/root.tar': tree(), '/root.tar.gz': gzip.compress(tree())}
    plain = fetch(daemon, f'{web.url}/root.tar?token=s3cret', repo='mine', tag='1', changes='ENV A=b', message='why', platform='linux/arm64')
    stream = messages(plain)
    assert stream[0]['status'] == f'Downloading from {web.url}/root.tar' and stream[-1]['status'].startswith('sha256:'), stream
    shown = daemon.request('GET', '/images/mine:1/json').json()
    assert shown['Id'] == stream[-1]['status'] and shown['Config']['Env'] == ['A=b'] and shown['Comment'] == 'why' and shown['Architecture'] == 'arm64'
    packed = messages(fetch(daemon, f'{web.url[7:]}/root.tar.gz'))  # without a scheme
    assert daemon.request('GET', f'/images/{packed[-1]["status"]}/json').json()['Comment'] == f'Imported from {web.url}/root.tar.gz'
    assert 's3cret' not in daemon.log_text()


def test_redirects(daemon, web):
    def to(place):
        def redirect(handler):
            handler.send_response(302)
            handler.send_header('Location', place)
            handler.end_headers()
        return redirect
    web.pages = {'/a': to('/b'), '/b': to(f'{web.url}/root.tar'), '/root.tar': tree(), '/loop': to('/loop'), '/bad': to('file:///etc/passwd')}
    assert messages(fetch(daemon, f'{web.url}/a'))[-1]['status'].startswith('sha256:')
    for path, words in (('/loop', 'stopped after 10 redirects'), ('/bad', 'a redirect that cannot be followed')):
        answer = fetch(daemon, web.url + path)
        assert answer.status == 500 and words in answer.json()['message']


def test_what_cannot_be_fetched(daemon, web):
    def cut(handler):
        handler.send_response(200)
        handler.send_header('Content-Length', '400000')
        handler.end_headers()
        handler.wfile.write(tree()[:200_000])
    def whole_but_short(handler):  # a tar that ends well, with more announced
        handler.send_response(200)
        handler.send_header('Content-Length', str(len(tree(10)) + 1))
        handler.end_headers()
        handler.wfile.write(tree(10))
    web.pages = {'/cut': cut, '/short': whole_but_short, '/junk': b'no tar at all' * 1000}
    missing = fetch(daemon, f'{web.url}/none')
    assert missing.status == 404 and 'Got HTTP status code >= 400: 404' in missing.json()['message']
    for path in ('/cut', '/short', '/junk'):
        answer = fetch(daemon, web.url + path)
        assert 'error' in messages(answer)[-1], (path, answer.body)
    for url, status in (('http://127.0.0.1:1/x', 500), ('ftp://127.0.0.1/x', 400), ('http://user:pw@127.0.0.1/x', 400)):
        answer = fetch(daemon, url)
        assert answer.status == status and 'pw' not in answer.json()['message'], (url, answer.body)
    nothing_is_left(daemon)


@pytest.mark.parametrize('client', CLIENTS)
def test_command_lines(daemon, web, tmp_path, client):
    web.pages = {'/root.tar': tree()}
    done = run(daemon, tmp_path, client, 'import', '-c', 'CMD ["/file"]', f'{web.url}/root.tar', 'mine:2')
    assert done.returncode == 0 and 'sha256:' in done.stdout, done.stdout
    assert json.loads(run(daemon, tmp_path, client, 'image', 'inspect', 'mine:2').stdout)[0]['Config']['Cmd'] == ['/file']
