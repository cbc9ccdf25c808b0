/* SPDX-License-Identifier: Apache-2.0 */
/* Into a container: files here as a tar stream. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/copy.h"
#include "codec/tar.h"
#include "sys/fd.h"

typedef struct packer {
        const char *source; /* here */
        const char *base;   /* name of the source in the archive */
        bool follows_link;
        int64_t bytes;
        client_sink *sink;
} packer;

static int put(packer *p, const void *data, size_t len) {
        p->bytes += (int64_t) len;
        return client_sink_write(p->sink, data, len);
}

/* Exactly `size` bytes of the file: cut when it grew, filled up when it shrank meanwhile. */
static int put_contents(packer *p, int fd, int64_t size) {
        static const char zeros[MN_TAR_BLOCK];
        cleanup_free char *buf = mn_alloc(64 << 10);
        int64_t left = size;
        int r = 0;
        while (left > 0 && r == 0) {
                ssize_t n = read(fd, buf, (size_t) MN_MIN(left, (int64_t) (64 << 10)));
                if (n < 0)
                        return -errno;
                if (n == 0)
                        n = (ssize_t) MN_MIN(left, (int64_t) sizeof(zeros));
                r = put(p, n ? buf : zeros, (size_t) n);
                left -= n;
        }
        return r ? r : put(p, zeros, mn_tar_padding(size));
}

static int put_entry(packer *p, const FTSENT *f, const char *name) {
        const struct stat *st = f->fts_statp;
        cleanup_str mn_str header = MN_STR_INIT(0);
        char link[PATH_MAX] = "";
        cleanup_close int fd = -1;
        mn_tar_entry e = { .path = name,
                           .link = link,
                           .uname = "",
                           .gname = "",
                           .mode = st->st_mode & 07777,
                           .uid = st->st_uid,
                           .gid = st->st_gid,
                           .mtime_sec = st->st_mtim.tv_sec };
        if (S_ISREG(st->st_mode)) {
                fd = open(f->fts_accpath,
                          O_RDONLY | O_NONBLOCK | O_CLOEXEC | (f->fts_level ? O_NOFOLLOW : 0));
                if (fd < 0)
                        return -errno;
                e.type = MN_TAR_FILE;
                e.size = st->st_size;
        } else if (S_ISDIR(st->st_mode)) {
                e.type = MN_TAR_DIR;
        } else if (S_ISLNK(st->st_mode)) {
                e.type = MN_TAR_SYMLINK;
                if (readlink(f->fts_accpath, link, sizeof(link) - 1) < 0)
                        return -errno;
        } else if (S_ISFIFO(st->st_mode)) {
                e.type = MN_TAR_FIFO;
        } else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
                e.type = S_ISCHR(st->st_mode) ? MN_TAR_CHAR : MN_TAR_BLOCK_DEVICE;
                e.major = major(st->st_rdev);
                e.minor = minor(st->st_rdev);
        } else {
                return 0; /* sockets mean nothing elsewhere */
        }
        mn_tar_write_header(&e, &header);
        int r = put(p, header.data, header.len);
        return r || e.type != MN_TAR_FILE ? r : put_contents(p, fd, e.size);
}

static mn_status produce(void *userdata, client_sink *sink, mn_err *err) {
        packer *p = userdata;
        p->sink = sink;
        char *roots[] = { (char *) p->source, NULL };
        FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | (p->follows_link ? FTS_COMFOLLOW : 0), NULL);
        size_t skip = strlen(p->source);
        int r = tree ? 0 : -errno;
        for (FTSENT *f; r == 0 && (f = fts_read(tree));) {
                if (f->fts_info == FTS_DP)
                        continue;
                if (f->fts_info == FTS_DNR || f->fts_info == FTS_ERR || f->fts_info == FTS_NS) {
                        r = -f->fts_errno;
                        break;
                }
                const char *rest = f->fts_path + skip;
                cleanup_free char *name = mn_asprintf("%s%s%s%s", p->base, *rest && *rest != '/' ? "/" : "",
                                                      rest, S_ISDIR(f->fts_statp->st_mode) ? "/" : "");
                r = put_entry(p, f, name);
        }
        if (tree)
                fts_close(tree);
        cleanup_str mn_str end = MN_STR_INIT(0);
        mn_tar_write_end(&end);
        if (r == 0)
                r = put(p, end.data, end.len);
        return r < 0 ? mn_fail_errno(err, r, "cannot read %s", p->source) : MN_OK;
}

/* The link's target, some links further. */
static mn_status resolve(cli *c, const copy_spec *spec, const char **path, copy_stat *dst, mn_err *err) {
        for (int i = 0; i < 10; i++) {
                mn_status status = copy_stat_path(c, spec->container, *path, dst, err);
                if (status || !dst->is_link)
                        return status;
                *path = *dst->link_target == '/'
                                ? dst->link_target
                                : mn_arena_printf(c->arena, "%s/%s", copy_parent(c->arena, *path),
                                                  dst->link_target);
        }
        return mn_fail(err, MN_INVALID, "too many links in %s", spec->path);
}

/* Directory in the container and name there, by Docker's rules. */
static mn_status place(cli *c, const copy_spec *spec, bool is_dir, const char **ret_dir,
                       const char **ret_base, mn_err *err) {
        copy_stat dst;
        const char *path = spec->path;
        size_t len = strlen(spec->local);
        mn_status status = resolve(c, spec, &path, &dst, err);
        if (status)
                return status;
        bool is_contents = len >= 1 && spec->local[len - 1] == '.' &&
                           (len == 1 || spec->local[len - 2] == '/');
        if (dst.exists && dst.is_dir) {
                *ret_dir = path;
                *ret_base = is_contents ? "." : copy_base(c->arena, spec->local);
                return MN_OK;
        }
        if (dst.exists && is_dir)
                return mn_fail(err, MN_INVALID, "cannot copy directory");
        if (!dst.exists && path[strlen(path) - 1] == '/' && !is_dir)
                return mn_fail(err, MN_INVALID, "no such directory");
        *ret_dir = copy_parent(c->arena, path);
        *ret_base = copy_base(c->arena, path);
        return MN_OK;
}

mn_status copy_to_container(cli *c, const copy_spec *spec, int64_t *ret_bytes, mn_err *err) {
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_stream client_stream *stream = NULL;
        bool is_stream = strcmp(spec->local, "-") == 0;
        const char *dir = spec->path, *base = NULL;
        struct stat st;
        client *peer;
        if (!is_stream && (spec->follows_link ? stat(spec->local, &st) : lstat(spec->local, &st)) < 0)
                return mn_fail(err, MN_INVALID, "lstat %s: %s", spec->local, mn_strerror(-errno));
        mn_status status = cli_client(c, &peer, err);
        if (!status && !is_stream)
                status = place(c, spec, S_ISDIR(st.st_mode), &dir, &base, err);
        if (!status && is_stream) {
                copy_stat dst;
                status = resolve(c, spec, &dir, &dst, err);
                if (!status && !dst.is_dir)
                        status = mn_fail(err, MN_INVALID, "destination \"%s:%s\" must be a directory",
                                         spec->container, spec->path);
        }
        if (status)
                return status;
        packer p = { .source = spec->local, .base = base, .follows_link = spec->follows_link };
        mn_str_add(&target, cli_target(c, "/containers", spec->container, "/archive"));
        client_add_query(&target, "path", dir);
        client_add_query(&target, "noOverwriteDirNonDir", "true");
        client_add_query(&target, "copyUIDGID", spec->keeps_owner ? "true" : NULL);
        cleanup_close int input = is_stream ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
        const client_request request = { .method = "PUT",
                                         .target = mn_str_text(&target),
                                         .body_fd = input,
                                         .produce = is_stream ? NULL : produce,
                                         .userdata = &p,
                                         .content_type = "application/x-tar" };
        status = client_stream_open(peer, &request, &stream, err);
        *ret_bytes = p.bytes;
        return status;
}
