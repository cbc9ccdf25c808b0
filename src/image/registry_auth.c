/* SPDX-License-Identifier: Apache-2.0 */
/* What clients send and get: X-Registry-Auth, and the lines of a progress stream. */

#include <string.h>

#include "codec/base64.h"
#include "image/registry.h"

enum { HEADER_MAX = 64 << 10 };

static const mn_field auth_fields[] = {
        { "username", &mn_type_str, offsetof(image_auth, username), MN_OMIT_EMPTY },
        { "password", &mn_type_str, offsetof(image_auth, password), MN_OMIT_EMPTY },
        { "auth", &mn_type_str, offsetof(image_auth, auth), MN_OMIT_EMPTY },
        { "serveraddress", &mn_type_str, offsetof(image_auth, server_address), MN_OMIT_EMPTY },
        { "identitytoken", &mn_type_str, offsetof(image_auth, identity_token), MN_OMIT_EMPTY },
        { "registrytoken", &mn_type_str, offsetof(image_auth, registry_token), MN_OMIT_EMPTY },
        { 0 },
};
const mn_type image_auth_type = MN_STRUCT(image_auth, auth_fields);

static void fill_empty(image_auth *auth) {
        static char empty[] = "";
        char **const fields[] = { &auth->username,       &auth->password,       &auth->auth,
                                  &auth->server_address, &auth->identity_token, &auth->registry_token };
        for (size_t i = 0; i < MN_ARRAY_LEN(fields); i++)
                if (!*fields[i])
                        *fields[i] = empty;
}

mn_status image_auth_decode(const char *header, mn_arena *arena, image_auth *ret, mn_err *err) {
        image_auth auth = { 0 };
        cleanup_str mn_str json = MN_STR_INIT(HEADER_MAX);
        size_t len = header ? strlen(header) : 0;
        if (len) {
                if (mn_base64_decode(header, len, &json) < 0)
                        return mn_fail(err, MN_INVALID, "invalid X-Registry-Auth header: not base64url");
                const mn_json_limits limits = { .allows_duplicate_keys = true };
                /* the parser's message could quote a secret */
                if (mn_json_decode_text(&image_auth_type, mn_str_text(&json), json.len, &limits, arena,
                                        MN_UNKNOWN_IGNORE, &auth, NULL))
                        return mn_fail(err, MN_INVALID,
                                       "invalid X-Registry-Auth header: not the JSON of credentials");
        }
        fill_empty(&auth);
        *ret = auth;
        return MN_OK;
}

void image_progress_encode(const image_progress *m, mn_str *out) {
        const char *separator = "{";
        if (m->stream) {
                mn_str_add(out, "{\"stream\":");
                mn_json_add_str(out, m->stream);
                separator = ",";
        }
        if (m->status) {
                mn_str_printf(out, "%s\"status\":", separator);
                mn_json_add_str(out, m->status);
                separator = ",";
        }
        if (m->status && m->id) {
                mn_str_add(out, ",\"progressDetail\":{");
                if (m->total)
                        mn_str_printf(out, "\"current\":%lld", (long long) m->current);
                if (m->total > 0)
                        mn_str_printf(out, ",\"total\":%lld", (long long) m->total);
                mn_str_add_char(out, '}');
        }
        if (m->id) {
                mn_str_printf(out, "%s\"id\":", separator);
                mn_json_add_str(out, m->id);
                separator = ",";
        }
        if (m->aux)
                mn_str_printf(out, "%s\"aux\":%s", separator, m->aux);
        mn_str_add(out, "}\r\n");
}
