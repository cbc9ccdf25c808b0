/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The parser's state, shared by the files that read a template's text; private to them. */

#include "base/arena.h"
#include "base/err.h"
#include "codec/template_tree.h"

enum { TMPL_MAX_TEXT = 1 << 20, TMPL_MAX_DEPTH = 100 };

typedef struct parser {
        mn_arena *arena;
        const char *text;
        size_t len, pos;
        unsigned depth;      /* open parentheses and blocks */
        unsigned loop_depth; /* open ranges */
        bool trims_next;     /* the last action ended in " -}}" */
        const char *scope[256];
        size_t nscope, scope_begin; /* variables that are in sight; a definition sees only its own */
        tmpl_definition *definitions;
        mn_err *err;
} parser;

/* Fails with "template: :LINE: ...". */
mn_status tmpl_fail(parser *p, const char *fmt, ...) MN_PRINTF(2, 3);

bool tmpl_is_word(char c);

/* Reads the quoted string or the number that begins here. */
mn_status tmpl_parse_string(parser *p, const mn_json **ret);
mn_status tmpl_parse_number(parser *p, const mn_json **ret);
