/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Contexts: daemons under names, as Docker's command line keeps them below the configuration's directory
 *
 *     contexts/meta/<sha256 of the name>/meta.json              name, description, endpoint
 *     contexts/tls/<sha256 of the name>/docker/{ca,cert,key}.pem
 *
 * so that both command lines share them. Members that are not ours are kept.
 */

#include "cli/cli.h"

#define CONTEXT_DEFAULT "default"
#define CONTEXT_DEFAULT_DESCRIPTION "Current DOCKER_HOST based configuration"

/* A stored context; everything lives in the arena of the command line. */
typedef struct context {
        const char *name;
        const mn_json *document; /* meta.json */
        const char *meta_dir, *tls_dir;
} context;

/* One file of key material. */
typedef struct context_file {
        const char *endpoint; /* "docker" */
        const char *name;     /* "ca.pem" */
        const char *data;
        size_t len;
} context_file;

typedef MN_LIST(context_file) context_files;

/* MN_INVALID for a name that is reserved ("default") or has other characters than Docker allows. */
mn_status context_check_name(const char *name, mn_err *err) MN_MUST_USE;

/* Reads a context. MN_NOT_FOUND `context "x": context not found: open ...`. */
mn_status context_load(cli *c, const char *name, context *ret, mn_err *err) MN_MUST_USE;

/* A context of that name that is not stored: only the paths, the document is NULL. */
context context_at(cli *c, const char *name);

bool context_exists(const context *x);

/* All contexts in the order of their names; those that cannot be read are left out. */
mn_status context_list(cli *c, context **ret, size_t *ret_len, mn_err *err) MN_MUST_USE;

const char *context_host(const context *x); /* "" when there is none */
const char *context_description(const context *x);
bool context_skips_verify(const context *x);

/* Path of a file of key material of the Docker endpoint, NULL when there is none. */
const char *context_tls_file(cli *c, const context *x, const char *name);

/* All files of key material, by endpoint and name. */
mn_status context_read_files(cli *c, const context *x, context_files *ret, mn_err *err) MN_MUST_USE;

/* What a command wants changed; NULL members stay. */
typedef struct context_change {
        const char *description;
        const mn_json *endpoint; /* of Docker */
} context_change;

/* A document with the changes, for a context of that name. */
const mn_json *context_document(cli *c, const char *name, const mn_json *from, const context_change *change);

/* {"Host": host, "SkipTLSVerify": skips_verify} */
const mn_json *context_endpoint(cli *c, const char *host, bool skips_verify);

/* Writes the document, and replaces the key material when `files` is not NULL. */
mn_status context_save(const context *x, const context_files *files, mn_err *err) MN_MUST_USE;

/* Removes document and key material. */
mn_status context_remove(const context *x, mn_err *err) MN_MUST_USE;
