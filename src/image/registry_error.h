/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a registry says when it refuses: {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest
 * unknown"}]}. */

#include "base/err.h"
#include "image/registry_http.h"

enum { REGISTRY_ERROR_CODE_SIZE = 64, REGISTRY_ERROR_TEXT_SIZE = 1024 };

typedef struct registry_error {
        char code[REGISTRY_ERROR_CODE_SIZE]; /* "MANIFEST_UNKNOWN"; "" when the answer has none */
        char text[REGISTRY_ERROR_TEXT_SIZE]; /* as Docker prints it: "manifest unknown: manifest unknown",
                                                "received unexpected HTTP status: 500 Internal Server Error"
                                              */
} registry_error;

/* Reads an error answer. Whatever the body holds, the text is one printable line. */
void registry_error_read(const registry_response *response, registry_error *ret);

/* The category of an HTTP status a registry gave: 401 unauthorized, 403 forbidden, 404 not found, else
 * internal. */
mn_status registry_status_of_http(int http_status);

/* "Not Found" for 404; "" for unknown ones. */
const char *registry_http_status_text(int http_status);
