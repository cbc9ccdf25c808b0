/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/copy.h"

#include <string.h>

#include "codec/base64.h"
#include "wire/container.h"

/* Bits of Go's os.FileMode. */
#define GO_MODE_DIR (UINT32_C(1) << 31)
#define GO_MODE_SYMLINK (UINT32_C(1) << 27)

mn_status copy_parse_stat(cli *c, const char *header, copy_stat *ret, mn_err *err) {
        cleanup_str mn_str json = MN_STR_INIT(64 << 10);
        wire_path_stat stat;
        if (!header || mn_base64_decode(header, strlen(header), &json) < 0)
                return mn_fail(err, MN_INTERNAL, "the daemon did not say what the path is");
        mn_status status = mn_json_decode_text(&wire_path_stat_type, mn_str_text(&json), json.len, NULL,
                                               c->arena, MN_UNKNOWN_IGNORE, &stat, err);
        if (status)
                return mn_err_prefix(err, status, "unable to decode container path stat header");
        *ret = (copy_stat){ .exists = true,
                            .is_dir = stat.mode & GO_MODE_DIR,
                            .is_link = stat.mode & GO_MODE_SYMLINK,
                            .name = stat.name,
                            .link_target = stat.link_target ? stat.link_target : "" };
        return MN_OK;
}

mn_status copy_stat_path(cli *c, const char *container, const char *path, copy_stat *ret, mn_err *err) {
        cleanup_str mn_str target = MN_STR_INIT(0);
        cleanup_stream client_stream *stream = NULL;
        client *peer;
        *ret = (copy_stat){ 0 };
        mn_str_add(&target, cli_target(c, "/containers", container, "/archive"));
        client_add_query(&target, "path", path);
        const client_request request = { .method = "HEAD", .target = mn_str_text(&target) };
        mn_status status = cli_client(c, &peer, err);
        if (!status)
                status = client_stream_open(peer, &request, &stream, err);
        if (status == MN_NOT_FOUND) {
                mn_err_release(err);
                return MN_OK;
        }
        return status ? status
                      : copy_parse_stat(c, client_stream_header(stream, "X-Docker-Container-Path-Stat"), ret,
                                        err);
}

/* Where the last component begins, slashes at the end left out; `*ret_end` is where it ends. */
static size_t base_begin(const char *path, size_t *ret_end) {
        size_t end = strlen(path);
        while (end > 1 && path[end - 1] == '/')
                end--;
        size_t begin = end;
        while (begin > 0 && path[begin - 1] != '/')
                begin--;
        *ret_end = end;
        return begin;
}

const char *copy_base(mn_arena *arena, const char *path) {
        size_t end, begin = base_begin(path, &end);
        return begin == end ? "/" : mn_arena_strndup(arena, path + begin, end - begin);
}

const char *copy_parent(mn_arena *arena, const char *path) {
        size_t end, begin = base_begin(path, &end);
        if (begin == 0)
                return ".";
        return begin == 1 ? "/" : mn_arena_strndup(arena, path, begin - 1);
}
