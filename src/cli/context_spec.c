/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/context_spec.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cli/endpoint.h"
#include "sys/file.h"

enum { MAX_KEY_MATERIAL = 10 << 20 };

static const struct {
        const char *key, *file;
} material[] = { { "ca", "ca.pem" }, { "cert", "cert.pem" }, { "key", "key.pem" } };

mn_status context_spec_check(mn_arena *arena, const char **value, mn_err *err) {
        for (const char *s = *value;; s++) {
                size_t len = strcspn(s, ",");
                if (!memchr(s, '=', len))
                        return mn_fail(err, MN_INVALID, "%s must be formatted as key=value",
                                       mn_arena_strndup(arena, s, len));
                s += len;
                if (!*s)
                        return MN_OK;
        }
}

static mn_status add_file(cli *c, const char *path, const char *name, context_files *files, mn_err *err) {
        char *data = NULL;
        context_file *file = &files->items[files->len];
        int r = mn_file_read(AT_FDCWD, path, MAX_KEY_MATERIAL, &data, &file->len);
        if (r < 0)
                return mn_fail_errno(err, r, "open %s", path);
        file->endpoint = "docker";
        file->name = name;
        file->data = mn_arena_strndup(c->arena, data, file->len);
        files->len++;
        free(data);
        return MN_OK;
}

static void start_files(cli *c, context_files *files) {
        *files = (context_files){ .items = mn_arena_array(c->arena, MN_ARRAY_LEN(material),
                                                          sizeof(*files->items)) };
}

mn_status context_spec_copy(cli *c, const char *name, const mn_json **ret_endpoint, context_files *ret_files,
                            mn_err *err) {
        context from;
        endpoint to;
        mn_status status;
        if (strcmp(name, CONTEXT_DEFAULT) != 0) {
                status = context_load(c, name, &from, err);
                if (status)
                        return status;
                *ret_endpoint = context_endpoint(c, context_host(&from), context_skips_verify(&from));
                return context_read_files(c, &from, ret_files, err);
        }
        status = endpoint_find(c, name, &to, err);
        if (status)
                return status;
        const char *const paths[] = { to.ca_file, to.cert_file, to.key_file };
        *ret_endpoint = context_endpoint(c, to.host, to.has_tls && !to.verifies_tls);
        start_files(c, ret_files);
        for (size_t i = 0; !status && i < MN_ARRAY_LEN(paths); i++)
                if (paths[i])
                        status = add_file(c, paths[i], material[i].file, ret_files, err);
        return status;
}

/* The value of a key; the last one counts. */
static const char *find(char *const *pairs, const char *key) {
        const char *value = NULL;
        size_t len = strlen(key);
        for (; *pairs; pairs++)
                if (strncmp(*pairs, key, len) == 0 && (*pairs)[len] == '=')
                        value = *pairs + len + 1;
        return value;
}

static mn_status check_keys(char *const *pairs, mn_err *err) {
        static const char *const known[] = { "from", "host", "ca", "cert", "key", "skip-tls-verify" };
        for (; *pairs; pairs++) {
                size_t len = strcspn(*pairs, "="), i = 0;
                while (i < MN_ARRAY_LEN(known) &&
                       !(strncmp(*pairs, known[i], len) == 0 && known[i][len] == '\0'))
                        i++;
                if (i == MN_ARRAY_LEN(known))
                        return mn_fail(err, MN_INVALID, "unrecognized config key: %.*s", (int) len, *pairs);
        }
        return MN_OK;
}

static mn_status read_pairs(cli *c, char *const *pairs, const mn_json **ret_endpoint, context_files *files,
                            mn_err *err) {
        const char *from, *host, *skips, *path;
        bool skips_verify = false;
        mn_status status = check_keys(pairs, err);
        if (status)
                return status;
        if ((from = find(pairs, "from")))
                return context_spec_copy(c, from, ret_endpoint, files, err);
        if ((skips = find(pairs, "skip-tls-verify")) && mn_parse_bool(skips, &skips_verify) < 0)
                return mn_fail(err, MN_INVALID, "skip-tls-verify: parsing \"%s\": invalid syntax", skips);
        start_files(c, files);
        for (size_t i = 0; !status && i < MN_ARRAY_LEN(material); i++)
                if ((path = find(pairs, material[i].key)))
                        status = add_file(c, path, material[i].file, files, err);
        host = find(pairs, "host");
        *ret_endpoint = context_endpoint(c, host ? host : "", skips_verify);
        return status;
}

mn_status context_spec_read(cli *c, char *const *pairs, const mn_json **ret_endpoint,
                            context_files *ret_files, mn_err *err) {
        mn_status status = read_pairs(c, pairs, ret_endpoint, ret_files, err);
        return status ? mn_err_prefix(err, status, "unable to create docker endpoint config") : MN_OK;
}
