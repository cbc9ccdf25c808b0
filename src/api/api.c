/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include <string.h>
#include <unistd.h>

#include "api/dispatch.h"
#include "api/listen.h"
#include "base/alloc.h"
#include "base/strv.h"

struct api_server {
        api_spec spec;
        http_server *http;
        const char *headers[9];
        char api_version[16];
        char **socket_paths; /* unix sockets we made, to be removed */
};

api_server *api_server_new(const api_spec *spec) {
        api_server *s = mn_alloc(sizeof(*s));
        s->spec = *spec;
        mn_str text = { 0 };
        mn_str_printf(&text, "%u.%u", API_VERSION / 100, API_VERSION % 100);
        memcpy(s->api_version, text.data, text.len);
        mn_str_release(&text);
        const char *headers[] = { "Api-Version",
                                  s->api_version,
                                  "Docker-Experimental",
                                  "false",
                                  "Ostype",
                                  "linux",
                                  "Server",
                                  "Minato/" MINATO_VERSION " (linux)",
                                  NULL };
        memcpy(s->headers, headers, sizeof(headers));
        s->http = http_server_new(&(http_server_spec){
                .loop = spec->loop,
                .handler = api_dispatch,
                .arg = &s->spec,
                .headers = s->headers,
                .allowed_names = spec->allowed_names,
        });
        return s;
}

static mn_status listen_on(api_server *s, const api_listen_spec *spec, const api_sockets *sockets, size_t i,
                           mn_err *err) {
        http_listener_spec listener = { .fd = sockets->fds[i], .is_local = sockets->is_local };
        if (spec->has_tls && !sockets->is_local) {
                http_tls_spec tls = { spec->cert_file, spec->key_file, spec->ca_file,
                                      spec->verifies_clients };
                mn_status status = http_tls_new(&tls, &listener.tls, err);
                if (status != MN_OK)
                        return status;
                listener.checks_clients = spec->verifies_clients;
        }
        return http_server_listen(s->http, &listener, err);
}

mn_status api_listen(api_server *s, const api_listen_spec *spec, mn_err *err) {
        api_sockets sockets;
        mn_status status = api_open_sockets(spec, &sockets, err);
        if (status != MN_OK)
                return status;
        if (mn_str_has_prefix(spec->address, "unix://"))
                mn_strv_add(&s->socket_paths, spec->address + strlen("unix://"));
        for (size_t i = 0; i < sockets.len && status == MN_OK; i++)
                status = listen_on(s, spec, &sockets, i, err);
        return status;
}

void api_stop(api_server *s) {
        http_server_stop(s->http);
        for (char **path = s->socket_paths; path && *path; path++)
                unlink(*path);
}

size_t api_busy(api_server *s) {
        return http_server_busy(s->http);
}

void api_break(api_server *s) {
        http_server_break(s->http);
}

void api_server_free(api_server *s) {
        if (!s)
                return;
        http_server_free(s->http);
        mn_strv_free(s->socket_paths);
        mn_freep(&s);
}
