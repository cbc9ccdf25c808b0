"""A disk with a cache that the power cut empties: an NBD server for QEMU. What was flushed, or written with FUA, stays; of every block
written since then, any version that it had may be what is found later."""
import os, random, socket, struct, threading

BLOCK = 4096
OPTION, REPLY, REQUEST, ANSWER = 0x49484156454F5054, 0x3E889045565A9, 0x25609513, 0x67446698
OPTION_ABORT, OPTION_GO = 2, 7
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
FUA = 1


class LosingDisk:
    def __init__(self, path, address):
        self.fd = os.open(path, os.O_RDWR)
        self.size = os.fstat(self.fd).st_size
        self.versions = {}  # block: what it was at the last flush and after each write since then
        self.writes = self.flushes = 0
        self.left, self.end = None, None
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(address)
        self.server.listen(1)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def arm(self, writes, end):
        """Calls `end` at so many writes from now on; from then on nothing is answered."""
        self.end, self.left = end, writes

    def cut(self, seed):
        """After the machine is gone: takes from the disk what its cache loses. How many blocks were at stake, and how many were lost."""
        self.thread.join()
        self.server.close()
        chance = random.Random(seed)
        kept = chance.choice([0, 0.5, 0.9, None])  # the share of blocks that stay as they were last; None: any version of each
        lost = 0
        for block, versions in self.versions.items():
            version = chance.choice(versions) if kept is None else versions[-1 if chance.random() < kept else 0]
            lost += version is not versions[-1]
            os.pwrite(self.fd, version, block * BLOCK)
        os.close(self.fd)
        return len(self.versions), lost

    def serve(self):
        connection, _ = self.server.accept()
        with connection, connection.makefile('rwb') as stream:
            try:
                self.greet(stream)
                while self.request(stream):
                    stream.flush()
            except (struct.error, OSError):
                pass  # QEMU was killed

    def greet(self, stream):
        stream.write(b'NBDMAGIC' + struct.pack('>QH', OPTION, 3))
        stream.flush()
        stream.read(4)
        while True:
            _, option, length = struct.unpack('>QII', stream.read(16))
            stream.read(length)

            def reply(kind, data=b''):
                stream.write(struct.pack('>QIII', REPLY, option, kind, len(data)) + data)
                stream.flush()
            if option == OPTION_GO:
                reply(3, struct.pack('>HQH', 0, self.size, HAS_FLAGS | SEND_FLUSH | SEND_FUA))
                reply(1)
                return
            reply(1 if option == OPTION_ABORT else 0x80000001)

    def request(self, stream):
        _, flags, kind, handle, offset, length = struct.unpack('>IHHQQI', stream.read(28))
        data = stream.read(length) if kind == WRITE else b''
        if kind == DISCONNECT or len(data) < length * (kind == WRITE):
            return False
        if kind == WRITE:
            self.write(offset, data, flags & FUA)
            self.writes += 1
            if self.left is not None:
                self.left -= 1
                if self.left <= 0:
                    self.end()
                    return False
        if kind == FLUSH:
            self.versions.clear()
            self.flushes += 1
        stream.write(struct.pack('>IIQ', ANSWER, 0 if kind in (READ, WRITE, FLUSH) else 22, handle))
        if kind == READ:
            stream.write(os.pread(self.fd, length, offset))
        return True

    def write(self, offset, data, is_durable):
        blocks = range(offset // BLOCK, (offset + len(data) - 1) // BLOCK + 1)
        for block in blocks:
            if not is_durable and block not in self.versions:
                self.versions[block] = [os.pread(self.fd, BLOCK, block * BLOCK)]
        os.pwrite(self.fd, data, offset)
        for block in blocks:
            if is_durable:
                self.versions.pop(block, None)
            else:
                self.versions[block].append(os.pread(self.fd, BLOCK, block * BLOCK))
