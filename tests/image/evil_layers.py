#!/usr/bin/python3
"""Hostile layers, and a canary that tells when one of them reached the host.

    evil_layers.py list                  names of the layers, with the expected verdict
    evil_layers.py write NAME FILE       the layer as a tar
    evil_layers.py arm DIRECTORY         makes the canary
    evil_layers.py check DIRECTORY       prints what changed since; exit code 1 when something did

`CANARY` (environment, default /canary) is where the layers aim at. A layer whose verdict is `accept` must load; `refuse`
must end with an error; `either` may do both. None may touch the canary."""
import gzip, hashlib, io, json, os, stat, struct, sys, tarfile

CANARY = os.environ.get('CANARY', '/canary')
UP = '../' * 12
layers = {}


def layer(verdict):
    def add(function):
        layers[function.__name__.rstrip('_').replace('_', '-')] = (verdict, function)
        return function
    return add


class Writer:
    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode='w', format=tarfile.PAX_FORMAT)

    def add(self, name, kind=tarfile.REGTYPE, data=b'', link='', mode=0o644, pax=None, device=(0, 0), **more):
        info = tarfile.TarInfo(name)
        info.type, info.size, info.linkname, info.mode = kind, len(data), link, mode
        info.devmajor, info.devminor = device
        if pax:
            info.pax_headers = pax
        for key, value in more.items():
            setattr(info, key, value)
        self.tar.addfile(info, io.BytesIO(data))
        return self

    def dir(self, name, **more):
        return self.add(name, tarfile.DIRTYPE, mode=more.pop('mode', 0o755), **more)

    def link(self, name, target):
        return self.add(name, tarfile.SYMTYPE, link=target, mode=0o777)

    def hard(self, name, target, **more):
        return self.add(name, tarfile.LNKTYPE, link=target, **more)

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


def header(name=b'x', size=b'00000000000\0', kind=b'0', magic=b'ustar\x0000', mode=b'0000644\0', tail=b''):
    """A raw header with a right checksum."""
    block = name.ljust(100, b'\0') + mode + b'0000000\0' * 2 + size + b'00000000000\0' + b' ' * 8 + kind + b'\0' * 100 + magic
    block = (block + tail).ljust(512, b'\0')
    return block[:148] + b'%06o\0 ' % sum(block) + block[156:]


END = b'\0' * 1024

# ---- names that lead out ----


@layer('refuse')
def dotdot():
    return Writer().add(UP + CANARY[1:] + '/dotdot', data=b'evil').bytes()


@layer('refuse')
def dotdot_inner():
    return Writer().dir('a').add('a/../../' + UP + CANARY[1:] + '/inner', data=b'evil').bytes()


@layer('accept')
def dotdot_harmless():
    return Writer().dir('a').add('a/../b', data=b'fine').bytes()


@layer('accept')
def absolute():
    return Writer().add(CANARY + '/absolute', data=b'evil').bytes()


@layer('accept')
def sym_then_file():
    return Writer().link('out', CANARY).add('out/written', data=b'evil').bytes()


@layer('accept')
def sym_relative():
    return Writer().link('out', UP + CANARY[1:]).add('out/written', data=b'evil').bytes()


@layer('accept')
def sym_chain():
    w = Writer().link('l0', CANARY)
    for i in range(1, 10):
        w.link(f'l{i}', f'l{i - 1}')
    return w.add('l9/written', data=b'evil').bytes()


@layer('refuse')
def sym_loop():
    return Writer().link('a', 'b').link('b', 'a').add('a/x', data=b'evil').bytes()


@layer('accept')
def sym_dirmode():
    return Writer().link('out', CANARY).dir('out', mode=0o777).dir('out/', mode=0o4777).bytes()


@layer('accept')
def sym_over_dir():
    return Writer().dir('d').add('d/f', data=b'1').link('d', CANARY).add('d/f2', data=b'evil').bytes()


@layer('refuse')
def hard_dotdot():
    return Writer().hard('h', UP + CANARY[1:] + '/file').bytes()


@layer('refuse')
def hard_absolute():
    return Writer().hard('h', CANARY + '/file').bytes()


@layer('refuse')
def hard_through_sym():
    return Writer().link('out', CANARY).hard('h', 'out/file').bytes()


@layer('refuse')
def hard_dir():
    return Writer().dir('d').hard('h', 'd').bytes()


@layer('accept')
def hard_absolute_inside():
    return Writer().add('f', data=b'fine').hard('h', '/f').bytes()


@layer('accept')
def hard_meta():
    return Writer().add('f', data=b'fine').hard('h', 'f', mode=0o4777).bytes()


@layer('accept')
def hard_to_sym():
    return Writer().link('s', CANARY + '/file').hard('h', 's').bytes()


@layer('refuse')
def pax_path():
    return Writer().add('x', data=b'evil', pax={'path': UP + CANARY[1:] + '/pax'}).bytes()


@layer('refuse')
def pax_linkpath():
    return Writer().hard('x', 'y', pax={'linkpath': UP + CANARY[1:] + '/file'}).bytes()


@layer('refuse')
def root_type_change():
    return Writer().link('./', CANARY).add('x', data=b'evil').bytes()


@layer('accept')
def root_mode():
    return Writer().dir('./', mode=0o1777, uid=1234).bytes()


@layer('refuse')
def file_as_parent():
    return Writer().add('f', data=b'1').add('f/x', data=b'2').bytes()


@layer('accept')
def dup_names():
    return Writer().add('f', data=b'first').add('f', data=b'second').dir('f').add('f/x', data=b'1').add('f', data=b'last').bytes()


# ---- whiteouts ----


@layer('refuse')
def wh_empty():
    return Writer().dir('d').add('d/.wh.').bytes()


@layer('refuse')
def wh_dot():
    return Writer().dir('d').add('d/.wh..').bytes()


@layer('refuse')
def wh_dotdot():
    return Writer().dir('d').add('d/.wh...').bytes()


@layer('accept')
def wh_through_sym():
    return Writer().link('out', CANARY).add('out/.wh.file').bytes()


@layer('accept')
def opq_through_sym():
    return Writer().link('out', CANARY).add('out/.wh..wh..opq').bytes()


@layer('accept')
def wh_aufs():
    return Writer().dir('.wh..wh.plnk').add('.wh..wh.aufs').add('.wh..wh.plnk/1.2').bytes()


@layer('refuse')
def overlay_char00():
    return Writer().add('hidden', tarfile.CHRTYPE, device=(0, 0)).bytes()


@layer('accept')
def xattr_overlay():
    evil = {'SCHILY.xattr.trusted.overlay.opaque': 'y', 'SCHILY.xattr.trusted.overlay.redirect': '/etc',
            'SCHILY.xattr.user.overlay.opaque': 'y', 'SCHILY.xattr.security.selinux': 'evil', 'SCHILY.xattr.user.fine': 'yes'}
    return Writer().dir('d', pax=evil).bytes()


@layer('accept')
def opq_quadratic():
    w = Writer().dir('d')
    for i in range(22000):
        w.add('d/.wh..wh..opq')
    return w.bytes()


# ---- sizes and numbers ----


@layer('refuse')
def xattr_big():
    return Writer().add('f', pax={'SCHILY.xattr.user.big': 'x' * 100000}).bytes()


@layer('refuse')
def neg_size():
    return header(size=b'\xff' * 12) + END


@layer('refuse')
def huge_size():
    return header(size=b'\x80' + b'\0' * 3 + b'\x7f' + b'\xff' * 7) + END


@layer('refuse')
def octal_rubbish():
    return header(size=b'0000000x000\0') + END


@layer('refuse')
def bad_checksum():
    block = bytearray(header())
    block[0] ^= 1
    return bytes(block) + END


@layer('refuse')
def truncated():
    return header(size=b'00000100000\0') + b'x' * 512


@layer('refuse')
def gnu_longname_huge():
    return header(kind=b'L', size=b'00100000000\0') + b'x' * 4096


@layer('refuse')
def pax_huge_len():
    return header(kind=b'x', size=b'00000001000\0') + b'99999999999999999999 path=x\n'.ljust(512, b'\0') + header() + END


@layer('refuse')
def pax_loop():
    return b''.join(header(kind=b'x') for _ in range(5000)) + header() + END


@layer('refuse')
def gnu_sparse():
    """A map that goes on for ever."""
    tail = b'\0' * 121 + (b'00000000000\0' + b'00000000000\0') * 4 + b'\1' + b'00000001000\0'
    more = (b'00000000000\0' + b'00000000000\0') * 21 + b'\1' + b'\0' * 7
    return header(kind=b'S', magic=b'ustar  \0', tail=tail) + more * 5000


@layer('refuse')
def gnu_sparse_overlap():
    return Writer().add('s', data=b'x' * 20, pax={'GNU.sparse.major': '0', 'GNU.sparse.minor': '1', 'GNU.sparse.name': 's',
                                                  'GNU.sparse.size': '100', 'GNU.sparse.map': '50,10,40,10'}).bytes()


@layer('accept')
def sparse_terabyte():
    return Writer().add('s', data=b'x' * 512, pax={'GNU.sparse.major': '0', 'GNU.sparse.minor': '1', 'GNU.sparse.name': 's',
                                                   'GNU.sparse.size': str(200 << 30), 'GNU.sparse.map': f'{100 << 30},512'}).bytes()


@layer('refuse')
def long_names():
    return Writer().add('n' * 300).bytes()


@layer('accept')
def deep_dirs():
    return Writer().add('d/' * 2000 + 'f', data=b'deep').bytes()


@layer('refuse')
def gzip_bomb():
    return gzip.compress(header(size=b'\x80' + b'\0' * 6 + b'\4' + b'\0' * 4) + b'\0' * (1 << 20), 9)[:-8] + b''


@layer('refuse')
def unknown_type():
    return header(kind=b'M') + END


@layer('accept')
def fifo_and_devices():
    return (Writer().add('fifo', tarfile.FIFOTYPE).add('sda', tarfile.BLKTYPE, device=(8, 0)).add('mem', tarfile.CHRTYPE, device=(1, 1)).bytes())


@layer('accept')
def odd_names():
    w = Writer()
    for name in ('new\nline', 'esc\x1b[2J', ' space ', '-dash', "quote'\"", 'ütf', '...', '.. ', 'a\\b'):
        w.add(name, data=name.encode())
    return w.bytes()


@layer('accept')
def setuid():
    return Writer().add('su', data=b'#!', mode=0o6755).bytes()


# ---- the canary ----


def describe(directory):
    found = {}
    for top, dirs, files in os.walk(directory):
        for name in [''] + dirs + files:
            path = os.path.join(top, name) if name else top
            st = os.lstat(path)
            content = open(path, 'rb').read() if stat.S_ISREG(st.st_mode) else b''
            found[os.path.relpath(path, directory)] = [st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_size, st.st_mtime_ns, hashlib.sha256(content).hexdigest()]
    return found


def arm(directory):
    os.makedirs(os.path.join(directory, 'dir'), exist_ok=True)
    for name in ('file', 'dir/inner', 'ptmx'):
        with open(os.path.join(directory, name), 'w') as f:
            f.write('canary')
    with open(directory.rstrip('/') + '.armed', 'w') as f:
        json.dump(describe(directory), f)


def check(directory):
    """What changed, as a list of lines."""
    with open(directory.rstrip('/') + '.armed') as f:
        before = json.load(f)
    now = describe(directory)
    return [f'{name}: {before.get(name)} -> {now.get(name)}' for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]


if __name__ == '__main__':
    command = sys.argv[1:2]
    if command == ['list']:
        print('\n'.join(f'{name} {verdict}' for name, (verdict, _) in layers.items()))
    elif command == ['write']:
        with open(sys.argv[3], 'wb') as out:
            out.write(layers[sys.argv[2]][1]())
    elif command == ['arm']:
        arm(sys.argv[2])
    elif command == ['check']:
        changed = check(sys.argv[2])
        print('\n'.join(changed))
        sys.exit(bool(changed))
    else:
        sys.exit(__doc__)
