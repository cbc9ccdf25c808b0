/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minato-decompress: the daemon's worker that decompresses one stream after the other. It has memory to read
 * from and to write to, two sockets, and nothing else: a stream that makes this program do something else
 * finds nothing to do it with. When the daemon is gone, so is it.
 */

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macro.h"
#include "sys/fd.h"
#include "worker/decompress_protocol.h"
#include "worker/sandbox.h"

enum { NOBODY = 65534, DESCRIPTORS = 8 };
#define MEMORY (UINT64_C(512) << 20) /* zstd has windows of 128 MiB */

static const int allowed_calls[] = {
        SYS_read,   SYS_write,   SYS_recvfrom, SYS_sendto,    SYS_brk,  SYS_mmap,       SYS_munmap,
        SYS_mremap, SYS_madvise, SYS_futex,    SYS_getrandom, SYS_exit, SYS_exit_group, SYS_rt_sigreturn,
};

struct work {
        char *memory;
        mn_decompressor *decompressor;
        unsigned in_slot; /* the next one the daemon fills */
        unsigned slot;    /* of the output, being filled */
        unsigned nfree;   /* output slots the daemon has emptied, that one included */
};

static void say(int fd, const void *data, size_t len) {
        if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t) len)
                _exit(2);
}

static void hear(int fd, void *data, size_t len) {
        if (mn_read_full(fd, data, len) != (ssize_t) len)
                _exit(2);
}

static void use_slot(struct work *w) {
        char *out = w->memory + DECOMPRESS_OUT_BEGIN + (size_t) w->slot * DECOMPRESS_OUT_SIZE;
        mn_decompressor_set_out(w->decompressor, out);
}

/* Sink: the slot holds the bytes already. */
static int put(void *arg, const void *data, size_t len) {
        struct work *w = arg;
        char emptied;
        (void) data;
        say(DECOMPRESS_OUT_FD, &(struct decompress_out){ .len = (uint32_t) len },
            sizeof(struct decompress_out));
        if (--w->nfree == 0) {
                hear(DECOMPRESS_OUT_FD, &emptied, 1);
                w->nfree++;
        }
        w->slot = (w->slot + 1) % DECOMPRESS_SLOTS;
        use_slot(w);
        return 0;
}

static void begin(struct work *w, mn_compression format) {
        mn_decompressor_free(w->decompressor);
        w->decompressor = mn_decompressor_new(format, put, w);
        use_slot(w);
}

/* One message of the daemon: 0 to go on, or what is wrong with the stream. */
static int obey(struct work *w, uint32_t message) {
        if (message == DECOMPRESS_GZIP || message == DECOMPRESS_ZSTD) {
                begin(w, message == DECOMPRESS_ZSTD ? MN_COMPRESSION_ZSTD : MN_COMPRESSION_GZIP);
                return 0;
        }
        if (message > DECOMPRESS_IN_SIZE || !w->decompressor)
                return -EPROTO;
        if (message == 0) {
                int r = mn_decompressor_finish(w->decompressor);
                if (r == 0)
                        say(DECOMPRESS_OUT_FD, &(struct decompress_out){ 0 }, sizeof(struct decompress_out));
                return r;
        }
        const char *in = w->memory + (size_t) w->in_slot * DECOMPRESS_IN_SIZE;
        w->in_slot = (w->in_slot + 1) % DECOMPRESS_SLOTS;
        int r = mn_decompressor_feed(w->decompressor, in, message);
        if (r == 0)
                say(DECOMPRESS_IN_FD, "", 1);
        return r;
}

/* Everything but the descriptors and the memory. An id map without "nobody" leaves the user as it is. */
static int give_away(void) {
        int r = sandbox_limit(MEMORY, DESCRIPTORS);
        if (r == 0)
                r = sandbox_restrict_access(false);
        if (r == 0)
                r = sandbox_keep_capabilities(UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID);
        if (r == 0 && setgroups(0, NULL) < 0)
                r = -errno;
        if (r == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0) &&
            errno != EINVAL)
                r = -errno;
        if (r == 0)
                r = sandbox_keep_capabilities(0);
        return r < 0 ? r : sandbox_filter_calls(allowed_calls, MN_ARRAY_LEN(allowed_calls));
}

int main(void) {
        struct work w = { .nfree = DECOMPRESS_SLOTS };
        w.memory = mmap(NULL, DECOMPRESS_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                        DECOMPRESS_MEMORY_FD, 0);
        int r = w.memory == MAP_FAILED ? -errno : 0;
        close(DECOMPRESS_MEMORY_FD);
        if (r == 0)
                r = give_away();
        while (r == 0) {
                uint32_t message;
                hear(DECOMPRESS_IN_FD, &message, sizeof(message));
                r = obey(&w, message);
        }
        say(DECOMPRESS_OUT_FD, &(struct decompress_out){ .error = r }, sizeof(struct decompress_out));
        _exit(0);
}
