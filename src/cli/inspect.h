/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The inspect commands: documents by name, as JSON or through a template. */

#include "cli/cli.h"

/* One kind of object. */
typedef struct inspect_kind {
        const char *prefix, *suffix; /* "/containers", "/json" */
        const mn_type *type;         /* its document; NULL: only the plain form */
        const char *word;            /* "container", for --type and messages */
} inspect_kind;

extern const inspect_kind inspect_container, inspect_image, inspect_network, inspect_volume;

/* Prints the documents of all names, each looked up as the kinds (NULL-terminated) in turn, and the failures
 * after them. Exit code. */
int inspect_run(cli *c, const inspect_kind *const *kinds, const char *query, const char *format,
                char **names);

/* Where the documents of another inspect command come from: the compact JSON of one name, and its type for
 * templates (NULL: only the plain form). */
typedef struct inspect_source {
        mn_status (*find)(cli *c, void *userdata, const char *name, mn_str *text, const mn_type **ret_type,
                          mn_err *err);
        void *userdata;
} inspect_source;

/* Prints them as above. */
int inspect_print(cli *c, const inspect_source *source, const char *format, char **names);
