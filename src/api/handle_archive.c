/* SPDX-License-Identifier: Apache-2.0 */
/* Files of containers: docker cp and export. */
#include "api/handlers.h"
#include "codec/base64.h"
#include "container/container.h"

static mn_status read_path(const api_call *c, const char **ret, mn_err *err) {
        *ret = api_param(c, "path");
        if (!*ret || !**ret)
                return mn_fail(err, MN_INVALID, "bad parameter: \"path\" cannot be empty");
        return MN_OK;
}

/* X-Docker-Container-Path-Stat: base64 of a JSON document. */
static void add_stat_header(api_call *c, const wire_path_stat *stat) {
        cleanup_str mn_str json = { 0 }, text = { 0 };
        mn_json_encode(&wire_path_stat_type, stat, c->version, &json);
        mn_base64_encode(json.data, json.len, false, &text);
        http_reply_header(c->request, "X-Docker-Container-Path-Stat", mn_str_text(&text));
}

mn_status api_archive_stat(api_call *c, mn_err *err) {
        wire_path_stat stat = { 0 };
        const char *path;
        mn_status s = read_path(c, &path, err);
        if (s == MN_OK)
                s = container_archive_stat(c->engine->containers, c->vars[0], path, c->arena, &stat, err);
        if (s != MN_OK)
                return s;
        add_stat_header(c, &stat);
        return api_reply_empty(c);
}

static int begin_archive(void *arg, const wire_path_stat *stat) {
        api_call *c = arg;
        add_stat_header(c, stat);
        return http_stream_begin(c->request, 200, "application/x-tar");
}

static int write_stream(void *arg, const void *data, size_t len) {
        api_call *c = arg;
        return http_stream_write(c->request, data, len);
}

mn_status api_archive_get(api_call *c, mn_err *err) {
        const char *path;
        container_archive_out out = { .begin = begin_archive, .write = write_stream, .arg = c };
        mn_status s = read_path(c, &path, err);
        return s == MN_OK ? container_archive_get(c->engine->containers, c->vars[0], path, &out, err) : s;
}

static ssize_t read_stream(void *arg, void *buf, size_t len) {
        api_call *c = arg;
        return http_request_read(c->request, buf, len);
}

mn_status api_archive_put(api_call *c, mn_err *err) {
        const char *path;
        container_archive_in in = {
                .read = read_stream,
                .arg = c,
                .refuses_type_change = api_param_bool(c, "noOverwriteDirNonDir"),
                .keeps_owner = api_param_bool(c, "copyUIDGID"),
        };
        mn_status s = read_path(c, &path, err);
        if (s == MN_OK)
                s = container_archive_put(c->engine->containers, c->vars[0], path, &in, err);
        return s == MN_OK ? api_reply_empty(c) : s;
}

static int write_export(void *arg, const void *data, size_t len) {
        api_call *c = arg;
        if (!http_request_is_answered(c->request)) {
                int r = http_stream_begin(c->request, 200, "application/octet-stream");
                if (r < 0)
                        return r;
        }
        return http_stream_write(c->request, data, len);
}

mn_status api_container_export(api_call *c, mn_err *err) {
        return container_export(c->engine->containers, c->vars[0], write_export, c, err);
}
