/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an archive of images in one pass, without a copy of it. Documents may come before or after the
 * layers they name, so every member is kept as what it looks like: small JSON in memory, everything else as a
 * layer. Layers no document names are dropped at the end.
 */

#include "image/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/compress.h"
#include "codec/tar.h"
#include "image/load_layer.h"
#include "worker/decompress.h"

enum { HEAD_SIZE = 512, READ_SIZE = 256 << 10, REPORT_EVERY = 1 << 20 };

/* The member being read. */
struct reading {
        struct load load;
        mn_tar_reader *reader;
        mn_status status;           /* of what the callbacks did */
        struct load_member *member; /* NULL: skipped */
        const char *name;
        int64_t size, done, reported;
        bool is_decided;
        mn_str text; /* the head while undecided, a document's text */
        layer_writer *layer;
        mn_digest *digest;    /* of a compressed layer's bytes */
        layer_copy *copy;     /* of those bytes; NULL: they are not kept */
        layer_ending *ending; /* the layer before; NULL: none */
};

/* ---- members ---- */

/* "./a//b" is "a/b". Names are keys only, so ".." needs no care. */
static char *clean_name(mn_arena *arena, const char *name) {
        cleanup_str mn_str out = MN_STR_INIT(MN_TAR_PATH_MAX + 1);
        while (*name) {
                size_t len = strcspn(name, "/");
                if (len && !(len == 1 && name[0] == '.')) {
                        if (out.len)
                                mn_str_add_char(&out, '/');
                        mn_str_add_len(&out, name, len);
                }
                name += len + (name[len] == '/');
        }
        return mn_arena_strdup(arena, mn_str_text(&out));
}

/* Target of a symbolic link, seen from the directory of its name: Docker's old archives share layers this
 * way. */
static char *link_target(mn_arena *arena, const char *name, const char *target) {
        const char *slash = strrchr(name, '/');
        size_t dir = slash ? (size_t) (slash - name) : 0;
        while (mn_str_has_prefix(target, "../")) {
                const char *up = memrchr(name, '/', dir);
                dir = up ? (size_t) (up - name) : 0;
                target += 3;
        }
        cleanup_free char *joined = mn_asprintf("%.*s/%s", (int) dir, name, target);
        return clean_name(arena, joined);
}

const struct load_member *load_find(const struct load *l, const char *name) {
        cleanup_arena mn_arena *scratch = mn_arena_new();
        const struct load_member *member = mn_map_get(l->members, clean_name(scratch, name));
        for (int i = 0; member && member->kind == LOAD_LINK; i++) {
                if (i == LOAD_LINKS_MAX)
                        return NULL;
                member = mn_map_get(l->members, member->target);
        }
        return member;
}

const struct load_member *load_find_blob(const struct load *l, const char *digest) {
        char name[MN_DIGEST_SIZE + 8];
        size_t n = strcspn(digest, ":");
        snprintf(name, sizeof(name), "blobs/%.*s/%s", (int) n, digest, digest + n + 1);
        return load_find(l, name);
}

mn_status load_report(const struct load *l, const image_progress *message) {
        if (!l->spec->report || l->spec->report(l->spec->report_arg, message))
                return MN_OK;
        return mn_fail(l->err, MN_INTERNAL, "context canceled");
}

/* ---- what a member is ---- */

static bool looks_like_layer(const mn_str *head) {
        if (mn_compression_detect(head->data, head->len) != MN_COMPRESSION_NONE)
                return true;
        return head->len == HEAD_SIZE && (!memcmp(head->data + 257, "ustar", 5) || !head->data[0]);
}

static bool looks_like_document(const struct reading *r) {
        const char *p = mn_str_text(&r->text);
        while (*p && strchr(" \t\r\n", *p))
                p++;
        return *p == '{' || *p == '[';
}

/* True for an uncompressed layer in an OCI layout whose name says that we have it. */
static bool is_known_layer(struct reading *r) {
        char digest[MN_DIGEST_SIZE + 16];
        int64_t size;
        if (!mn_str_has_prefix(r->name, "blobs/sha256/"))
                return false;
        snprintf(digest, sizeof(digest), "sha256:%.120s", r->name + strlen("blobs/sha256/"));
        if (!mn_digest_text_is_valid(digest))
                return false;
        image_hold_layer(r->load.images, digest, 0);
        if (layer_store_has(r->load.images->layers_on_disk, digest, &size)) {
                memcpy(r->member->diff_id, digest, strlen(digest) + 1);
                memcpy(r->member->digest, digest, strlen(digest) + 1);
                r->member->kind = LOAD_LAYER;
                return true;
        }
        image_release_layer(r->load.images, digest);
        return false;
}

static mn_status begin_layer(struct reading *r) {
        if (is_known_layer(r))
                return MN_OK;
        r->member->kind = LOAD_LAYER;
        mn_status st = layer_writer_new(r->load.images->layers_on_disk, NULL, &r->layer, r->load.err);
        if (!st && mn_compression_detect(r->text.data, r->text.len) != MN_COMPRESSION_NONE)
                r->digest = mn_digest_new(MN_DIGEST_SHA256);
        if (r->digest && r->load.images->keeps_compressed && mn_str_has_prefix(r->name, "blobs/"))
                st = layer_copy_new(r->load.images->layers_on_disk, &r->copy, r->load.err);
        return st;
}

static mn_status feed_layer(struct reading *r, const void *data, size_t len) {
        if (!r->layer)
                return MN_OK;
        if (r->digest)
                mn_digest_update(r->digest, data, len);
        mn_status st = r->copy ? layer_copy_add(r->copy, data, len, r->load.err) : MN_OK;
        return st ? st : layer_writer_feed(r->layer, data, len, r->load.err);
}

static mn_status decide(struct reading *r) {
        r->is_decided = true;
        if (!looks_like_layer(&r->text) && looks_like_document(r)) {
                r->member->kind = r->size <= OCI_DOCUMENT_MAX ? LOAD_DOCUMENT : LOAD_OTHER;
                return MN_OK;
        }
        if (!looks_like_layer(&r->text) && r->size < HEAD_SIZE) { /* VERSION and the like */
                r->member->kind = LOAD_DOCUMENT;
                return MN_OK;
        }
        mn_status st = begin_layer(r);
        if (!st)
                st = feed_layer(r, r->text.data, r->text.len);
        return st;
}

/* ---- callbacks of the tar reader; they keep the status and answer -ECANCELED ---- */

static int stop(struct reading *r, mn_status st) {
        r->status = st;
        return st ? -ECANCELED : 0;
}

static int on_entry(void *arg, const mn_tar_entry *e) {
        struct reading *r = arg;
        struct load *l = &r->load;
        r->member = NULL;
        if (e->type != MN_TAR_FILE && e->type != MN_TAR_SYMLINK && e->type != MN_TAR_HARDLINK)
                return 0;
        if (mn_map_len(l->members) >= LOAD_MEMBERS_MAX)
                return stop(r, mn_fail(l->err, MN_INVALID, "invalid archive: too many members"));
        r->name = clean_name(l->arena, e->path);
        r->member = mn_arena_alloc(l->arena, sizeof(*r->member));
        r->size = e->size;
        r->done = r->reported = 0;
        r->is_decided = false;
        mn_str_truncate(&r->text, 0);
        if (e->type != MN_TAR_FILE) {
                r->member->kind = LOAD_LINK;
                r->member->target = e->type == MN_TAR_SYMLINK ? link_target(l->arena, r->name, e->link)
                                                              : clean_name(l->arena, e->link);
                mn_map_set(l->members, r->name, r->member);
                r->member = NULL;
        }
        return 0;
}

static mn_status report_progress(struct reading *r, size_t len) {
        r->done += (int64_t) len;
        if (!r->layer || r->load.spec->is_quiet ||
            (r->done - r->reported < REPORT_EVERY && r->done < r->size))
                return MN_OK;
        r->reported = r->done;
        char id[MN_SHORT_ID_LEN + 1] = "layer";
        if (mn_str_has_prefix(r->name, "blobs/sha256/"))
                snprintf(id, sizeof(id), "%.12s", r->name + strlen("blobs/sha256/"));
        else
                snprintf(id, sizeof(id), "%.12s", r->name);
        return load_report(&r->load, &(image_progress){ .id = id,
                                                        .status = "Loading layer",
                                                        .current = r->done,
                                                        .total = r->size });
}

static int on_data(void *arg, const void *data, size_t len) {
        struct reading *r = arg;
        const char *p = data;
        if (!r->member)
                return 0;
        mn_status st = report_progress(r, len);
        if (!st && !r->is_decided) {
                size_t n = MN_MIN(len, HEAD_SIZE - r->text.len);
                mn_str_add_len(&r->text, p, n);
                p += n;
                len -= n;
                if (r->text.len == HEAD_SIZE)
                        st = decide(r);
        }
        if (!st && len && r->member->kind == LOAD_DOCUMENT)
                mn_str_add_len(&r->text, p, len);
        else if (!st && len)
                st = feed_layer(r, p, len);
        return stop(r, st);
}

/* One layer ends while the next is read, no more: each holds buffers and two threads. */
static mn_status end_layer(struct reading *r) {
        if (!r->layer)
                return MN_OK; /* known */
        mn_status st = layer_ending_wait(MN_TAKE(r->ending), r->load.err);
        if (st)
                return st;
        r->ending = layer_ending_begin(&(layer_ending_spec){ .images = r->load.images,
                                                             .writer = MN_TAKE(r->layer),
                                                             .digest = MN_TAKE(r->digest),
                                                             .copy = MN_TAKE(r->copy),
                                                             .member = r->member,
                                                             .name = r->name });
        return MN_OK;
}

static mn_status end_document(struct reading *r) {
        struct load *l = &r->load;
        l->documents_len += r->text.len;
        if (mn_str_error(&r->text) || l->documents_len > LOAD_DOCUMENTS_MAX)
                return mn_fail(l->err, MN_INVALID, "invalid archive: its documents are too large");
        r->member->text = mn_arena_strndup(l->arena, mn_str_text(&r->text), r->text.len);
        r->member->len = r->text.len;
        return MN_OK;
}

static int on_end(void *arg) {
        struct reading *r = arg;
        if (!r->member)
                return 0;
        mn_status st = r->is_decided ? MN_OK : decide(r);
        if (!st && r->member->kind == LOAD_DOCUMENT)
                st = end_document(r);
        if (st)
                return stop(r, mn_err_prefix(r->load.err, st, "\"%s\"", r->name));
        if (r->member->kind == LOAD_LAYER)
                st = end_layer(r); /* fails for the layer before, too, and says for which */
        if (st)
                return stop(r, st);
        mn_map_set(r->load.members, r->name, r->member);
        r->member = NULL;
        return 0;
}

/* ---- the stream ---- */

static int to_reader(void *arg, const void *data, size_t len) {
        struct reading *r = arg;
        return mn_tar_reader_feed(r->reader, data, len);
}

static mn_status explain(struct reading *r, int error) {
        if (r->status)
                return r->status;
        const char *problem = mn_tar_reader_problem(r->reader);
        if (*problem)
                return mn_fail(r->load.err, MN_INVALID, "invalid archive: %s", problem);
        if (error == -EBADMSG)
                return mn_fail(r->load.err, MN_INVALID,
                               "invalid archive: the compressed data is corrupt or cut short");
        if (error == -EPROTO)
                return mn_fail(r->load.err, MN_INVALID,
                               "invalid archive: the process that decompresses it came to an end");
        return mn_fail_errno(r->load.err, error, "reading the archive");
}

/* Fills the buffer as far as the source gives; bytes or -errno. */
static ssize_t read_some(const image_load_spec *spec, char *buffer, size_t min, size_t size) {
        size_t len = 0;
        while (len < min) {
                ssize_t n = spec->read(spec->read_arg, buffer + len, size - len);
                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                len += (size_t) n;
        }
        return (ssize_t) len;
}

static mn_status read_archive(struct reading *r) {
        cleanup_free char *buffer = mn_alloc(READ_SIZE);
        ssize_t n = read_some(r->load.spec, buffer, MN_COMPRESSION_HEAD, READ_SIZE);
        if (n < 0)
                return mn_fail_errno(r->load.err, (int) n, "reading the archive");
        cleanup_decompress_worker decompress_worker *d = NULL;
        int error = decompress_worker_new(layer_store_decompressors(r->load.images->layers_on_disk),
                                          mn_compression_detect(buffer, (size_t) n), false, to_reader, r, &d);
        if (error == -ENOTSUP)
                return mn_fail(r->load.err, MN_INVALID, "unsupported compression of the archive");
        while (error == 0 && n > 0) {
                error = decompress_worker_feed(d, buffer, (size_t) n);
                if (error == 0)
                        n = read_some(r->load.spec, buffer, 1, READ_SIZE);
        }
        if (error == 0 && n < 0)
                return mn_fail_errno(r->load.err, (int) n, "reading the archive");
        if (error == 0)
                error = decompress_worker_finish(d);
        if (error == 0)
                error = mn_tar_reader_finish(r->reader);
        return error < 0 ? explain(r, error) : MN_OK;
}

/* Lets go of the layers: those an image has come to list stay. */
static void release_layers(struct load *l) {
        struct load_member *member;
        for (size_t pos = 0; mn_map_next(l->members, &pos, NULL, (void **) &member);)
                if (member->kind == LOAD_LAYER)
                        image_release_layer(l->images, member->diff_id);
        image_change_begin(l->images);
        image_collect_layers(l->images);
        image_change_end(l->images);
}

mn_status image_load(image_store *images, const image_load_spec *spec, mn_err *err) {
        static const mn_tar_handler handler = { .entry = on_entry, .data = on_data, .end = on_end };
        cleanup_arena mn_arena *arena = mn_arena_new();
        cleanup_map mn_map *members = mn_map_new(NULL);
        cleanup_err mn_err own = { 0 };
        struct reading r = {
                .load = { .images = images,
                          .spec = spec,
                          .arena = arena,
                          .members = members,
                          .err = err ? err : &own },
                .text = MN_STR_INIT(OCI_DOCUMENT_MAX + 1),
        };
        decompress_pool_enter(layer_store_decompressors(images->layers_on_disk));
        r.reader = mn_tar_reader_new(&handler, &r);
        mn_status st = read_archive(&r);
        cleanup_err mn_err ending_err = { 0 };
        mn_status ended = layer_ending_wait(r.ending, &ending_err);
        if (!st && ended)
                st = mn_fail(r.load.err, ended, "%s", mn_err_text(&ending_err));
        layer_writer_free(r.layer);
        mn_digest_free(r.digest);
        layer_copy_free(r.copy);
        mn_tar_reader_free(r.reader);
        mn_str_release(&r.text);
        decompress_pool_leave(layer_store_decompressors(images->layers_on_disk));
        if (!st)
                st = load_images_of(&r.load);
        release_layers(&r.load);
        return st;
}
