/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/inspect.h"

#include <stdio.h>
#include <string.h>

#include "cli/format.h"
#include "cli/text.h"
#include "wire/container.h"
#include "wire/image.h"
#include "wire/network.h"
#include "wire/volume.h"

const inspect_kind inspect_container = { "/containers", "/json", &wire_container_inspect_type, "container" };
const inspect_kind inspect_image = { "/images", "/json", &wire_image_inspect_type, "image" };
const inspect_kind inspect_network = { "/networks", "", &wire_network_type, "network" };
const inspect_kind inspect_volume = { "/volumes", "", &wire_volume_type, "volume" };

/* Where a daemon's documents are looked for. */
typedef struct lookup {
        const inspect_kind *const *kinds;
        const char *query;
} lookup;

/* The bytes of the first kind that knows the name. */
static mn_status find(cli *c, void *userdata, const char *name, mn_str *text, const mn_type **ret_type,
                      mn_err *err) {
        const lookup *l = userdata;
        const inspect_kind *const *kinds = l->kinds;
        client *peer;
        bool is_only = kinds[0] && !kinds[1];
        mn_status status = cli_client(c, &peer, err);
        for (; !status && *kinds; kinds++) {
                const char *target = mn_arena_printf(
                        c->arena, "%s%s", cli_target(c, (*kinds)->prefix, name, (*kinds)->suffix),
                        is_only || *kinds == &inspect_container || *kinds == &inspect_network ? l->query
                                                                                              : "");
                const client_request request = { .method = "GET", .target = target };
                mn_status found = client_call_text(peer, &request, text, err);
                *ret_type = (*kinds)->type;
                if (found != MN_NOT_FOUND || is_only)
                        return found;
                mn_err_release(err);
        }
        return status ? status : mn_fail(err, MN_NOT_FOUND, "Error: No such object: %s", name);
}

static mn_status add_formatted(cli *c, const mn_template *t, const mn_type *type, const mn_str *text,
                               mn_str *out, mn_err *err) {
        const mn_json *document;
        const mn_json_limits limits = { .allows_duplicate_keys = true };
        mn_status status = mn_json_parse(c->arena, mn_str_text(text), text->len, &limits, &document, err);
        return status ? status : format_document(c->arena, t, type, document, out, err);
}

int inspect_print(cli *c, const inspect_source *source, const char *format, char **names) {
        cleanup_str mn_str out = MN_STR_INIT(0);
        cleanup_str mn_str failures = MN_STR_INIT(0);
        mn_template *t = NULL;
        cleanup_err mn_err err = { 0 };
        size_t found = 0;
        if (format && *format && format_parse(c->arena, format, &t, &err)) {
                cli_fail(&err);
                return CLI_EXIT_TEMPLATE;
        }
        for (; *names; names++) {
                cleanup_str mn_str text = MN_STR_INIT(0);
                const mn_type *type = NULL;
                mn_status status = source->find(c, source->userdata, *names, &text, &type, &err);
                if (!status && t) {
                        status = add_formatted(c, t, type, &text, &out, &err);
                } else if (!status) {
                        mn_str_add(&out, found++ ? ",\n    " : "[\n    ");
                        text_add_indented_json(&out, text.data, text.len, "    ", "    ");
                }
                if (status)
                        mn_str_printf(&failures, "%s%s", failures.len ? "\n" : "", mn_err_text(&err));
        }
        if (!t)
                mn_str_add(&out, found ? "\n]\n" : "[]\n");
        fputs(mn_str_text(&out), stdout);
        return failures.len ? cli_failf("%s", mn_str_text(&failures)) : CLI_EXIT_OK;
}

int inspect_run(cli *c, const inspect_kind *const *kinds, const char *query, const char *format,
                char **names) {
        lookup l = { kinds, query };
        const inspect_source source = { find, &l };
        return inspect_print(c, &source, format, names);
}
