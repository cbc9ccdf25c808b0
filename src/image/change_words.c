/* SPDX-License-Identifier: Apache-2.0 */
#include "image/change_words.h"

#include <ctype.h>
#include <string.h>

#include "base/vec.h"
#include "codec/json.h"

typedef MN_VEC(char *) word_vec;

static char **to_arena(word_vec *words, mn_arena *arena) {
        char **list = mn_arena_array(arena, words->len + 1, sizeof(*list));
        for (size_t i = 0; i < words->len; i++)
                list[i] = words->items[i];
        mn_vec_release(words);
        return list;
}

static const char *skip_spaces(const char *s) {
        while (isspace((unsigned char) *s))
                s++;
        return s;
}

/* End of the word that begins at `s`. */
static const char *word_end(const char *s) {
        char quote = '\0';
        for (; *s && (quote || !isspace((unsigned char) *s)); s++) {
                if (*s == '\\' && s[1] && quote != '\'')
                        s++;
                else if (quote)
                        quote = *s == quote ? '\0' : quote;
                else if (*s == '"' || *s == '\'')
                        quote = *s;
        }
        return s;
}

char **change_split(const char *text, mn_arena *arena) {
        word_vec words = { 0 };
        for (const char *s = skip_spaces(text); *s; s = skip_spaces(s)) {
                const char *end = word_end(s);
                mn_vec_push(&words, mn_arena_strndup(arena, s, (size_t) (end - s)));
                s = end;
        }
        return to_arena(&words, arena);
}

/* ---- expansion ---- */

struct expansion {
        change_lookup_fn lookup;
        void *arg;
        mn_arena *arena;
        mn_str *out;
};

static size_t name_len(const char *s) {
        size_t n = 0;
        while (isalnum((unsigned char) s[n]) || s[n] == '_')
                n++;
        return n;
}

/* ${NAME}, ${NAME:-word}, ${NAME:+word}; `s` is behind the brace. NULL when it is none of these. */
static const char *expand_braces(struct expansion *x, const char *s) {
        size_t len = name_len(s);
        const char *value = x->lookup(x->arg, mn_arena_strndup(x->arena, s, len)),
                   *end = strchr(s + len, '}');
        if (!len || !end)
                return NULL;
        s += len;
        if (*s == '}') {
                mn_str_add(x->out, value);
                return s + 1;
        }
        if (s[0] != ':' || (s[1] != '-' && s[1] != '+'))
                return NULL;
        bool is_set = !mn_str_is_empty(value);
        if (is_set && s[1] == '-')
                mn_str_add(x->out, value);
        else if (is_set == (s[1] == '+'))
                mn_str_add_len(x->out, s + 2, (size_t) (end - s - 2));
        return end + 1;
}

static const char *expand_variable(struct expansion *x, const char *s) {
        if (s[1] == '{')
                return expand_braces(x, s + 2);
        size_t len = name_len(s + 1);
        if (!len) {
                mn_str_add_char(x->out, '$');
                return s + 1;
        }
        mn_str_add(x->out, x->lookup(x->arg, mn_arena_strndup(x->arena, s + 1, len)));
        return s + 1 + len;
}

mn_status change_expand(const char *word, change_lookup_fn lookup, void *arg, mn_arena *arena, char **ret,
                        mn_err *err) {
        cleanup_str mn_str out = MN_STR_INIT(1 << 20);
        struct expansion x = { lookup, arg, arena, &out };
        char quote = '\0';
        for (const char *s = word; *s;) {
                bool is_escape = *s == '\\' && s[1] && quote != '\'';
                bool keeps_backslash = is_escape && quote == '"' && !strchr("\"$\\", s[1]);
                if (is_escape) {
                        mn_str_add_len(&out, keeps_backslash ? s : s + 1, keeps_backslash ? 2 : 1);
                        s += 2;
                } else if (quote ? *s == quote : *s == '"' || *s == '\'') {
                        quote = quote ? '\0' : *s;
                        s++;
                } else if (*s == '$' && quote != '\'') {
                        s = expand_variable(&x, s);
                        if (!s)
                                return mn_fail(err, MN_INVALID,
                                               "failed to process \"%s\": unsupported variable", word);
                } else {
                        mn_str_add_char(&out, *s++);
                }
        }
        if (quote)
                return mn_fail(
                        err, MN_INVALID,
                        "failed to process \"%s\": unexpected end of statement while looking for matching %s",
                        word, quote == '"' ? "double-quote" : "single-quote");
        *ret = mn_arena_strdup(arena, mn_str_text(&out));
        return MN_OK;
}

bool change_json_array(const char *text, mn_arena *arena, char ***ret) {
        const mn_json *value;
        const char *start = skip_spaces(text);
        if (*start != '[' || mn_json_parse(arena, start, strlen(start), NULL, &value, NULL) ||
            value->kind != MN_JSON_ARRAY)
                return false;
        char **list = mn_arena_array(arena, value->len + 1, sizeof(*list));
        size_t n = 0;
        for (const mn_json *e = value->child; e; e = e->next) {
                if (e->kind != MN_JSON_STRING)
                        return false;
                list[n++] = mn_arena_strdup(arena, e->text);
        }
        *ret = list;
        return true;
}

mn_status change_pairs(const char *instruction, const char *text, change_lookup_fn lookup, void *arg,
                       mn_arena *arena, char ***ret, mn_err *err) {
        char **words = change_split(text, arena);
        word_vec pairs = { 0 };
        mn_status status = MN_OK;
        if (!words[0])
                return mn_fail(err, MN_INVALID, "%s requires at least one argument", instruction);
        bool is_old_form = !strchr(words[0], '=');
        if (is_old_form && !words[1])
                return mn_fail(err, MN_INVALID, "%s must have two arguments", instruction);
        for (char **word = words; *word && !status; word++) {
                char *equals = strchr(*word, '='), *name = NULL, *value = NULL;
                if (!is_old_form && !equals) {
                        status = mn_fail(
                                err, MN_INVALID,
                                "Syntax error - can't find = in \"%s\". Must be of the form: name=value",
                                *word);
                        break;
                }
                const char *rest = is_old_form ? strstr(text, *word) + strlen(*word) : equals + 1;
                size_t len = is_old_form ? strlen(*word) : (size_t) (equals - *word);
                status = change_expand(mn_arena_strndup(arena, *word, len), lookup, arg, arena, &name, err);
                if (!status)
                        status = change_expand(is_old_form ? skip_spaces(rest) : rest, lookup, arg, arena,
                                               &value, err);
                if (!status && !*name)
                        status = mn_fail(err, MN_INVALID, "%s names can not be blank", instruction);
                mn_vec_push(&pairs, name);
                mn_vec_push(&pairs, value);
                if (is_old_form)
                        break;
        }
        *ret = to_arena(&pairs, arena);
        return status;
}
