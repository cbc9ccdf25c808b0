/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/template.h"

#include <ctype.h>
#include <string.h>

#include "base/macro.h"
#include "codec/template_parse.h"

/* What ended a list of nodes. */
typedef enum ending { END_OF_TEXT, END_END, END_ELSE } ending;

static mn_status parse_pipe(parser *p, tmpl_pipe **ret);
static mn_status parse_list(parser *p, tmpl_node **ret, ending *ret_ending);

static bool looking_at(const parser *p, const char *s) {
        size_t n = strlen(s);
        return p->len - p->pos >= n && memcmp(p->text + p->pos, s, n) == 0;
}

static bool is_space(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(parser *p) {
        while (p->pos < p->len && is_space(p->text[p->pos]))
                p->pos++;
}

/* True at "}}" or " -}}". */
static bool at_action_end(const parser *p) {
        return looking_at(p, "}}") || (looking_at(p, "-}}") && p->pos > 0 && is_space(p->text[p->pos - 1]));
}

static mn_status action_end(parser *p) {
        skip_space(p);
        if (!at_action_end(p))
                return p->pos >= p->len ? tmpl_fail(p, "unclosed action")
                                        : tmpl_fail(p, "bad character U+%04X '%c'",
                                                    (unsigned char) p->text[p->pos], p->text[p->pos]);
        p->trims_next = p->text[p->pos] == '-';
        p->pos += p->trims_next ? 3 : 2;
        return MN_OK;
}

static const char *word(parser *p) {
        size_t begin = p->pos;
        while (p->pos < p->len && tmpl_is_word(p->text[p->pos]))
                p->pos++;
        return mn_arena_strndup(p->arena, p->text + begin, p->pos - begin);
}

static bool is_in_scope(const parser *p, const char *name) {
        for (size_t i = p->nscope; i > p->scope_begin; i--)
                if (strcmp(p->scope[i - 1], name) == 0)
                        return true;
        return strcmp(name, "$") == 0;
}

static mn_status parse_word(parser *p, tmpl_operand *o) {
        const char *name = word(p);
        bool is_true = strcmp(name, "true") == 0;
        o->kind = TMPL_LITERAL;
        if (is_true || strcmp(name, "false") == 0) {
                o->literal = tmpl_new_bool(p->arena, is_true).json;
                return MN_OK;
        }
        if (strcmp(name, "nil") == 0)
                return MN_OK;
        o->kind = TMPL_FUNCTION;
        o->name = name;
        if (tmpl_function_find(name) || strcmp(name, "and") == 0 || strcmp(name, "or") == 0)
                return MN_OK;
        return tmpl_fail(p, "function \"%s\" not defined", name);
}

static mn_status parse_paren(parser *p, tmpl_operand *o) {
        o->kind = TMPL_PAREN;
        if (++p->depth > TMPL_MAX_DEPTH)
                return tmpl_fail(p, "nested too deeply");
        p->pos++;
        mn_status status = parse_pipe(p, &o->pipe);
        if (status)
                return status;
        skip_space(p);
        if (p->pos >= p->len || p->text[p->pos] != ')')
                return tmpl_fail(p, "unclosed left paren");
        p->pos++;
        p->depth--;
        return MN_OK;
}

/* Reads the ".A.B" that follows an operand directly. */
static mn_status parse_chain(parser *p, tmpl_operand *o) {
        size_t cap = 0, n = 0;
        while (p->pos + 1 < p->len && p->text[p->pos] == '.' && tmpl_is_word(p->text[p->pos + 1])) {
                if (n + 2 > cap) {
                        const char **grown = mn_arena_array(p->arena, cap * 2 + 4, sizeof(*grown));
                        if (n)
                                memcpy(grown, o->fields, n * sizeof(*grown));
                        o->fields = grown;
                        cap = cap * 2 + 4;
                }
                if (n == (o->kind == TMPL_DOT ? 1 : 0))
                        o->position = p->pos;
                p->pos++;
                o->fields[n++] = word(p);
        }
        if (n && o->kind == TMPL_LITERAL)
                return tmpl_fail(p, "unexpected . after term \"%s\"", o->source ? o->source : "");
        return MN_OK;
}

static mn_status parse_operand(parser *p, tmpl_operand **ret) {
        tmpl_operand *o = mn_arena_alloc(p->arena, sizeof(*o));
        size_t begin = p->pos;
        char c = p->pos < p->len ? p->text[p->pos] : '\0';
        char after = p->pos + 1 < p->len ? p->text[p->pos + 1] : '\0';
        mn_status status = MN_OK;
        o->position = begin;
        if (c == '.' && !isdigit((unsigned char) after)) {
                o->kind = TMPL_DOT;
                if (!tmpl_is_word(after))
                        p->pos++;
        } else if (c == '$') {
                o->kind = TMPL_VARIABLE;
                p->pos++;
                o->name = mn_arena_printf(p->arena, "$%s", word(p));
                if (!is_in_scope(p, o->name))
                        status = tmpl_fail(p, "undefined variable \"%s\"", o->name);
        } else if (c == '"' || c == '`') {
                o->kind = TMPL_LITERAL;
                status = tmpl_parse_string(p, &o->literal);
        } else if (isdigit((unsigned char) c) || c == '-' || c == '+' || c == '.') {
                o->kind = TMPL_LITERAL;
                status = tmpl_parse_number(p, &o->literal);
        } else if (c == '(') {
                status = parse_paren(p, o);
        } else if (tmpl_is_word(c)) {
                status = parse_word(p, o);
        } else {
                return c ? tmpl_fail(p, "unexpected \"%c\" in operand", c) : tmpl_fail(p, "unclosed action");
        }
        if (!status)
                status = parse_chain(p, o);
        if (status)
                return status;
        o->source = mn_arena_strndup(p->arena, p->text + begin, p->pos - begin);
        *ret = o;
        return MN_OK;
}

static mn_status parse_command(parser *p, tmpl_command **ret) {
        tmpl_command *c = mn_arena_alloc(p->arena, sizeof(*c));
        tmpl_operand **tail = &c->operands;
        skip_space(p);
        c->position = p->pos;
        size_t end = p->pos;
        for (;;) {
                skip_space(p);
                if (p->pos >= p->len || at_action_end(p) || p->text[p->pos] == '|' || p->text[p->pos] == ')')
                        break;
                if (c->operands && end == p->pos)
                        return tmpl_fail(p, "bad character U+%04X '%c'", (unsigned char) p->text[p->pos],
                                         p->text[p->pos]);
                mn_status status = parse_operand(p, tail);
                if (status)
                        return status;
                tail = &(*tail)->next;
                end = p->pos;
        }
        if (!c->operands)
                return tmpl_fail(p, p->pos >= p->len ? "unclosed action" : "missing value for command");
        c->source = mn_arena_strndup(p->arena, p->text + c->position, end - c->position);
        *ret = c;
        return MN_OK;
}

/* Reads "$x :=", "$x =" or "$k, $v :=" when it is there. */
static mn_status parse_declaration(parser *p, tmpl_pipe *pipe) {
        size_t begin = p->pos;
        const char *names[2];
        size_t n = 0;
        while (n < 2 && p->pos < p->len && p->text[p->pos] == '$') {
                p->pos++;
                names[n++] = mn_arena_printf(p->arena, "$%s", word(p));
                skip_space(p);
                if (n == 2 || !looking_at(p, ","))
                        break;
                p->pos++;
                skip_space(p);
        }
        bool is_declaration = looking_at(p, ":=");
        if (!n || (!is_declaration && (!looking_at(p, "=") || looking_at(p, "==")))) {
                p->pos = begin;
                return MN_OK;
        }
        p->pos += is_declaration ? 2 : 1;
        pipe->is_assignment = !is_declaration;
        pipe->nvariables = n;
        for (size_t i = 0; i < n; i++) {
                pipe->variables[i] = names[i];
                if (!is_declaration && !is_in_scope(p, names[i]))
                        return tmpl_fail(p, "undefined variable \"%s\"", names[i]);
                if (is_declaration && p->nscope == MN_ARRAY_LEN(p->scope))
                        return tmpl_fail(p, "too many variables");
        }
        return MN_OK;
}

static mn_status parse_pipe(parser *p, tmpl_pipe **ret) {
        tmpl_pipe *pipe = mn_arena_alloc(p->arena, sizeof(*pipe));
        skip_space(p);
        mn_status status = parse_declaration(p, pipe);
        tmpl_command **tail = &pipe->commands;
        while (!status) {
                status = parse_command(p, tail);
                if (status || p->pos >= p->len || p->text[p->pos] != '|')
                        break;
                p->pos++;
                tail = &(*tail)->next;
        }
        if (status)
                return status;
        for (size_t i = 0; i < pipe->nvariables && !pipe->is_assignment; i++)
                p->scope[p->nscope++] = pipe->variables[i];
        *ret = pipe;
        return MN_OK;
}

/* The rest of if, with and range after the keyword, up to and including its {{end}}. */
static mn_status parse_block(parser *p, tmpl_node *node) {
        size_t scope = p->nscope;
        if (++p->depth > TMPL_MAX_DEPTH)
                return tmpl_fail(p, "nested too deeply");
        mn_status status = parse_pipe(p, &node->pipe);
        ending how = END_END;
        p->loop_depth += node->kind == TMPL_RANGE;
        if (!status)
                status = action_end(p);
        if (!status)
                status = parse_list(p, &node->body, &how);
        p->loop_depth -= node->kind == TMPL_RANGE;
        if (status)
                return status;
        if (how == END_ELSE) {
                skip_space(p);
                bool is_if = looking_at(p, "if "), is_with = looking_at(p, "with ");
                if ((is_if && node->kind == TMPL_IF) || (is_with && node->kind == TMPL_WITH)) {
                        p->pos += is_if ? 3 : 5;
                        node->otherwise = mn_arena_alloc(p->arena, sizeof(tmpl_node));
                        node->otherwise->kind = node->kind;
                        status = parse_block(p, node->otherwise);
                        how = END_END;
                } else {
                        status = action_end(p);
                        if (!status)
                                status = parse_list(p, &node->otherwise, &how);
                }
        }
        if (status)
                return status;
        if (how == END_ELSE)
                return tmpl_fail(p, "expected end; found {{else}}");
        if (how == END_OF_TEXT)
                return tmpl_fail(p, "unexpected EOF");
        p->nscope = scope;
        p->depth--;
        return MN_OK;
}

static bool keyword(parser *p, const char *name) {
        size_t n = strlen(name);
        if (!looking_at(p, name) || (p->pos + n < p->len && tmpl_is_word(p->text[p->pos + n])))
                return false;
        p->pos += n;
        return true;
}

/* The quoted name after define, template and block. */
static mn_status parse_name(parser *p, const char *keyword, const char **ret) {
        const mn_json *name;
        skip_space(p);
        char c = p->pos < p->len ? p->text[p->pos] : '\0';
        if (c != '"' && c != '`')
                return tmpl_fail(p, "unexpected \"%c\" in %s clause", c ? c : ' ', keyword);
        mn_status status = tmpl_parse_string(p, &name);
        *ret = status ? NULL : name->text;
        return status;
}

/* A template's nodes up to {{end}}, under its name; a later definition replaces an earlier one. Only what it
 * declares itself is in its sight. */
static mn_status parse_definition(parser *p, const char *name, const char *keyword) {
        size_t scope = p->nscope, scope_begin = p->scope_begin;
        unsigned loops = p->loop_depth;
        tmpl_definition *d = mn_arena_alloc(p->arena, sizeof(*d));
        ending how = END_END;
        if (++p->depth > TMPL_MAX_DEPTH)
                return tmpl_fail(p, "nested too deeply");
        p->scope_begin = p->nscope;
        p->loop_depth = 0;
        mn_status status = parse_list(p, &d->nodes, &how);
        if (status)
                return status;
        if (how != END_END)
                return how == END_ELSE ? tmpl_fail(p, "unexpected {{else}} in %s clause", keyword)
                                       : tmpl_fail(p, "unexpected EOF");
        p->depth--;
        p->nscope = scope;
        p->scope_begin = scope_begin;
        p->loop_depth = loops;
        d->name = name;
        d->next = p->definitions;
        p->definitions = d;
        return MN_OK;
}

/* {{define "name"}} ... {{end}} */
static mn_status parse_define(parser *p) {
        const char *name;
        if (p->depth)
                return tmpl_fail(p, "unexpected <define> in command");
        mn_status status = parse_name(p, "define", &name);
        if (!status)
                status = action_end(p);
        return status ? status : parse_definition(p, name, "define");
}

/* {{template "name" pipeline}}; {{block "name" pipeline}} ... {{end}} defines it on the spot. */
static mn_status parse_call(parser *p, tmpl_node *node, bool is_block) {
        skip_space(p);
        size_t begin = p->pos;
        mn_status status = parse_name(p, is_block ? "block" : "template", &node->text);
        node->kind = TMPL_CALL;
        node->len = begin;
        skip_space(p);
        if (!status && (is_block || !at_action_end(p)))
                status = parse_pipe(p, &node->pipe);
        if (!status)
                status = action_end(p);
        return status || !is_block ? status : parse_definition(p, node->text, "block");
}

/* One action after "{{". `*ret` stays NULL for comments and definitions. */
static mn_status parse_action(parser *p, tmpl_node **ret, ending *ret_ending, bool *ret_is_end) {
        skip_space(p);
        if (looking_at(p, "/*")) {
                const char *end = memmem(p->text + p->pos, p->len - p->pos, "*/", 2);
                if (!end)
                        return tmpl_fail(p, "unclosed comment");
                p->pos = (size_t) (end - p->text) + 2;
                return action_end(p);
        }
        if (keyword(p, "end")) {
                *ret_ending = END_END;
                *ret_is_end = true;
                return action_end(p);
        }
        if (keyword(p, "else")) {
                *ret_ending = END_ELSE;
                *ret_is_end = true;
                return MN_OK; /* what follows is read by parse_block */
        }
        if (keyword(p, "define"))
                return parse_define(p);
        tmpl_node *node = *ret = mn_arena_alloc(p->arena, sizeof(*node));
        bool is_block = keyword(p, "block");
        if (is_block || keyword(p, "template"))
                return parse_call(p, node, is_block);
        node->kind = keyword(p, "if")         ? TMPL_IF
                     : keyword(p, "with")     ? TMPL_WITH
                     : keyword(p, "range")    ? TMPL_RANGE
                     : keyword(p, "break")    ? TMPL_BREAK
                     : keyword(p, "continue") ? TMPL_CONTINUE
                                              : TMPL_ACTION;
        if (node->kind == TMPL_IF || node->kind == TMPL_WITH || node->kind == TMPL_RANGE)
                return parse_block(p, node);
        if (node->kind == TMPL_ACTION) {
                mn_status status = parse_pipe(p, &node->pipe);
                return status ? status : action_end(p);
        }
        if (!p->loop_depth)
                return tmpl_fail(p, "{{%s}} outside {{range}}",
                                 node->kind == TMPL_BREAK ? "break" : "continue");
        return action_end(p);
}

/* The text up to the next action, with the trim markers of both sides applied; NULL when nothing is left. */
static tmpl_node *parse_text(parser *p) {
        const char *begin = p->text + p->pos, *limit = p->text + p->len;
        const char *end = memmem(begin, (size_t) (limit - begin), "{{", 2);
        end = end ? end : limit;
        p->pos = (size_t) (end - p->text);
        if (p->trims_next)
                while (begin < end && is_space(*begin))
                        begin++;
        p->trims_next = false;
        if (p->pos + 3 < p->len && p->text[p->pos + 2] == '-' && is_space(p->text[p->pos + 3]))
                while (end > begin && is_space(end[-1]))
                        end--;
        if (begin == end)
                return NULL;
        tmpl_node *node = mn_arena_alloc(p->arena, sizeof(*node));
        node->kind = TMPL_TEXT;
        node->text = begin;
        node->len = (size_t) (end - begin);
        return node;
}

static mn_status parse_list(parser *p, tmpl_node **ret, ending *ret_ending) {
        tmpl_node **tail = ret;
        *ret_ending = END_OF_TEXT;
        while (p->pos < p->len) {
                *tail = parse_text(p);
                if (*tail)
                        tail = &(*tail)->next;
                if (p->pos >= p->len)
                        break;
                p->pos += 2;
                if (p->pos + 1 < p->len && p->text[p->pos] == '-' && is_space(p->text[p->pos + 1]))
                        p->pos++;
                bool is_end = false;
                mn_status status = parse_action(p, tail, ret_ending, &is_end);
                if (status || is_end)
                        return status;
                if (*tail)
                        tail = &(*tail)->next;
        }
        return MN_OK;
}

mn_status mn_template_parse(mn_arena *arena, const char *text, mn_template **ret, mn_err *err) {
        parser p = { .arena = arena, .len = strlen(text), .err = err };
        if (p.len > TMPL_MAX_TEXT)
                return mn_fail(err, MN_INVALID, "template: : longer than %d bytes", TMPL_MAX_TEXT);
        p.text = mn_arena_strndup(arena, text, p.len);
        mn_template *t = mn_arena_alloc(arena, sizeof(*t));
        t->text = p.text;
        ending how;
        mn_status status = parse_list(&p, &t->nodes, &how);
        if (status)
                return status;
        if (how != END_OF_TEXT)
                return tmpl_fail(&p, "unexpected {{%s}}", how == END_END ? "end" : "else");
        t->definitions = p.definitions;
        *ret = t;
        return MN_OK;
}

static bool pipe_uses(const tmpl_pipe *pipe, const char *name) {
        for (const tmpl_command *c = pipe->commands; c; c = c->next)
                for (const tmpl_operand *o = c->operands; o; o = o->next) {
                        if (o->kind == TMPL_PAREN && pipe_uses(o->pipe, name))
                                return true;
                        for (size_t i = 0; o->fields && o->fields[i]; i++)
                                if (strcmp(o->fields[i], name) == 0)
                                        return true;
                }
        return false;
}

static bool nodes_use(const tmpl_node *node, const char *name) {
        for (; node; node = node->next)
                if ((node->pipe && pipe_uses(node->pipe, name)) || nodes_use(node->body, name) ||
                    nodes_use(node->otherwise, name))
                        return true;
        return false;
}

bool mn_template_uses_field(const mn_template *t, const char *name) {
        bool is_used = nodes_use(t->nodes, name);
        for (const tmpl_definition *d = t->definitions; d && !is_used; d = d->next)
                is_used = nodes_use(d->nodes, name);
        return is_used;
}
