/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct inner {
        char *name;
        int64_t *limit;
};
struct outer {
        struct inner *health;
        struct inner state;
        char **env;
        mn_str_map labels;
        bool is_on;
};
static const mn_field inner_fields[] = {
        { "Name", &mn_type_str, offsetof(struct inner, name), 0 },
        { "Limit", &mn_type_i64_ptr, offsetof(struct inner, limit), 0 },
        { 0 },
};
static const mn_type inner_type = MN_STRUCT(struct inner, inner_fields);
static const mn_type inner_ptr = MN_PTR_TO(&inner_type);
static const mn_field outer_fields[] = {
        { "Health", &inner_ptr, offsetof(struct outer, health), MN_OMIT_EMPTY },
        { "State", &inner_type, offsetof(struct outer, state), 0 },
        { "Env", &mn_type_strv, offsetof(struct outer, env), 0 },
        { "Labels", &mn_type_str_map, offsetof(struct outer, labels), 0 },
        { "On", &mn_type_bool, offsetof(struct outer, is_on), 0 },
        { 0 },
};
static const mn_type outer_type = MN_STRUCT(struct outer, outer_fields);

static const char document[] =
        "{\"Name\":\"default\",\"Size\":12,\"Ratio\":2.5,\"On\":true,\"Nil\":null,\"Env\":[\"A=b\",\"C\"],"
        "\"Labels\":{\"z\":\"1\",\"a\":\"<x>\"},\"Ports\":{\"80/tcp\":[{\"HostPort\":\"8080\"}],\"81/"
        "tcp\":null},"
        "\"Empty\":[]}";

/* Runs a template; returns its output, or the message when it fails. */
static const char *run(mn_arena *arena, const char *json, const char *text, const mn_template_context *ctx) {
        const mn_json *value;
        mn_template *t;
        cleanup_err mn_err err = { 0 };
        cleanup_str mn_str out = MN_STR_INIT(0);
        assert_int_equal(mn_json_parse(arena, json, strlen(json), NULL, &value, NULL), MN_OK);
        if (mn_template_parse(arena, text, &t, &err) || mn_template_execute(t, value, ctx, arena, &out, &err))
                return mn_arena_strdup(arena, err.message);
        return mn_arena_strdup(arena, mn_str_text(&out));
}

struct example {
        const char *text, *want;
};

static void check(const char *json, const struct example *cases, size_t n, const mn_template_context *ctx) {
        for (size_t i = 0; i < n; i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                assert_string_equal(run(arena, json, cases[i].text, ctx), cases[i].want);
        }
}

static void runs_what_go_runs(void **state) {
        (void) state;
        static const struct example cases[] = {
                { "plain", "plain" },
                { "{{.Name}}/{{.Size}}/{{.Ratio}}/{{.On}}", "default/12/2.5/true" },
                { "{{.Missing}}|{{.Nil}}", "<no value>|<no value>" },
                { "{{.Env}} {{.Labels}} {{.Empty}}", "[A=b C] map[z:1 a:<x>] []" },
                { "{{json .Labels}} {{json .Nil}} {{json .Name}}",
                  "{\"z\":\"1\",\"a\":\"<x>\"} null \"default\"" },
                { "{{index .Env 1}}{{index .Labels \"a\"}}{{index .Labels \"b\"}}", "C<x><no value>" },
                { "{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080" },
                { "{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}", "a=<x>,z=1," },
                { "{{range $i, $e := .Env}}{{$i}}{{$e}} {{else}}none{{end}}", "0A=b 1C " },
                { "{{range .Empty}}x{{else}}none{{end}}", "none" },
                { "{{range 3}}{{.}}{{end}}", "012" },
                { "{{range .Env}}{{if eq . \"C\"}}{{break}}{{end}}{{.}}{{end}}", "A=b" },
                { "{{range .Env}}{{if eq . \"C\"}}{{continue}}{{end}}{{.}}{{end}}", "A=b" },
                { "{{if .Nil}}a{{else if .On}}b{{else}}c{{end}}", "b" },
                { "{{with .Nil}}a{{else}}{{.Name}}{{end}}{{with .Name}}{{.}}{{end}}", "defaultdefault" },
                { "{{with $x := .Size}}{{$x}}{{$.Name}}{{end}}", "12default" },
                { "{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{$x}}", "2" },
                { "a  {{- .Name -}}  b {{/* no */}}c", "adefaultb c" },
                { "{{.Name | upper | printf \"%-10s|\"}}", "DEFAULT   |" },
                { "{{printf \"%d %s %5.2f %v\" 3 4 2.5 true}}", "3 %!s(int=4)  2.50 true" },
                { "{{printf \"%05d|%x|%q|%t|%%|%+d\" 42 \"hi\" \"a\\\"b\" true 7}}",
                  "00042|6869|\"a\\\"b\"|true|%|+7" },
                { "{{printf \"%s\"}} {{printf \"x\" 1}}", "%!s(MISSING) x%!(EXTRA int=1)" },
                { "{{println .Name 1}}{{print 1 2 \"a\"}}", "default 1\n1 2a" },
                { "{{truncate .Name 3}}{{pad .Name 2 3}}|{{title \"ab cd\"}}", "def  default   |Ab Cd" },
                { "{{join (split \"a,b,c\" \",\") \"-\"}} {{lower \"ABC\"}}", "a-b-c abc" },
                { "{{eq .Name \"x\" \"default\"}} {{ne 1 2}} {{lt 1 2}} {{ge 2.5 2}} {{le \"a\" \"b\"}}",
                  "true true true true true" },
                { "{{and .On .Name}} {{or .Nil \"d\"}} {{not .On}} {{len .Name}}{{len .Labels}}",
                  "default d false 72" },
                { "{{slice .Name 1 3}} {{html \"<&>\"}} {{urlquery \"a b/\"}}", "ef &lt;&amp;&gt; a+b%2F" },
                { "{{\"\\u00e4\\n\"}}{{`raw\\n`}}", "\xc3\xa4\nraw\\n" },
        };
        check(document, cases, MN_ARRAY_LEN(cases), NULL);
}

static void fails_in_gos_words(void **state) {
        (void) state;
        static const struct example cases[] = {
                { "{{if", "template: :1: unclosed action" },
                { "{{.Name", "template: :1: unclosed action" },
                { "a\n{{foo .Name}}", "template: :2: function \"foo\" not defined" },
                { "{{end}}", "template: :1: unexpected {{end}}" },
                { "{{if .On}}", "template: :1: unexpected EOF" },
                { "{{$x}}", "template: :1: undefined variable \"$x\"" },
                { "{{}}", "template: :1: missing value for command" },
                { "{{.Name}", "template: :1: bad character U+007D '}'" },
                { "{{ \"abc }}", "template: :1: unterminated quoted string" },
                { "{{break}}", "template: :1: {{break}} outside {{range}}" },
                { "{{template \"x\"}}",
                  "template: :1:11: executing \"\" at <{{template \"x\"}}>: template \"x\" not defined" },
                { "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}",
                  "template: :1:25: executing \"\" at <{{template \"x\"}}>: exceeded maximum template depth "
                  "(100)" },
                { "{{if .Name}}{{define \"x\"}}{{end}}{{end}}",
                  "template: :1: unexpected <define> in command" },
                { "{{define \"x\"}}", "template: :1: unexpected EOF" },
                { "{{$v := 1}}{{define \"x\"}}{{$v}}{{end}}", "template: :1: undefined variable \"$v\"" },
                { "{{range .List}}{{block \"x\" .}}{{break}}{{end}}{{end}}",
                  "template: :1: {{break}} outside {{range}}" },
                { "{{len 3}}",
                  "template: :1:2: executing \"\" at <len 3>: error calling len: len of type int" },
                { "{{.Name 3}}",
                  "template: :1:2: executing \"\" at <.Name>: Name has arguments but cannot be invoked "
                  "as function" },
                { "{{eq .Name 3}}",
                  "template: :1:2: executing \"\" at <eq .Name 3>: error calling eq: incompatible "
                  "types for comparison" },
                { "{{index .Env 10}}",
                  "template: :1:2: executing \"\" at <index .Env 10>: error calling index: index "
                  "out of range: 10" },
                { "{{.Name.Foo}}",
                  "template: :1:7: executing \"\" at <.Name.Foo>: can't evaluate field Foo in type "
                  "string" },
                { "{{range .Name}}{{end}}",
                  "template: :1:8: executing \"\" at <.Name>: range can't iterate over "
                  "default" },
                { "{{range 9999999}}{{range 9999999}}{{end}}{{end}}", "template: : takes too many steps" },
        };
        check(document, cases, MN_ARRAY_LEN(cases), NULL);
}

static void knows_missing_keys(void **state) {
        (void) state;
        static const struct example strict[] = {
                { "{{.Foo}}", "template: :1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\"" },
                { "{{.Labels.abcdefghijklmnop}}",
                  "template: :1:9: executing \"\" at <.Labels.abcdefghijklmnop>: map has "
                  "no entry for key \"abcdefghijklmnop\"" },
        };
        static const struct example named[] = {
                { "{{.Foo}}",
                  "template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type *formatter.X" },
                { "{{.Labels.x}}", "<no value>" },
        };
        check(document, strict, MN_ARRAY_LEN(strict), &(mn_template_context){ .is_missing_key_error = true });
        check(document, named, MN_ARRAY_LEN(named), &(mn_template_context){ .type_name = "*formatter.X" });
}

static void prints_zero_values_of_the_declared_type(void **state) {
        (void) state;
        static const struct example cases[] = {
                { "{{.Health}} {{.State.Name}}|{{.State.Limit}} {{.Env}} {{.Labels}} {{.On}}",
                  "<nil> |<nil> [] map[] false" },
                { "{{if .Health}}yes{{else}}no{{end}} {{len .Env}}{{range .Env}}x{{end}}", "no 0" },
                { "{{.State}}", "{ <nil>}" },
                { "{{json .On}} {{json .Env}}", "false null" },
                { "{{eq .State.Name \"\"}}", "true" },
                { "{{.Nope}}",
                  "template: :1:2: executing \"\" at <.Nope>: can't evaluate field Nope in type struct" },
        };
        check("{}", cases, MN_ARRAY_LEN(cases), &(mn_template_context){ .type = &outer_type });
}

static const mn_json *label(void *userdata, mn_arena *arena, const char *name, const char *argument) {
        (void) userdata;
        if (strcmp(name, "Label") != 0)
                return NULL;
        mn_json *json = mn_arena_alloc(arena, sizeof(*json));
        *json = (mn_json){ .kind = MN_JSON_STRING,
                           .text = mn_arena_printf(arena, "<%s>", argument),
                           .len = strlen(argument) + 2 };
        return json;
}

static void calls_methods(void **state) {
        (void) state;
        static const struct example cases[] = {
                { "{{.Label \"a\"}} {{\"b\" | .Label}}", "<a> <b>" },
                { "{{.Nope \"a\"}}", "template: :1:2: executing \"\" at <.Nope>: Nope has arguments but "
                                     "cannot be invoked as function" },
        };
        check(document, cases, MN_ARRAY_LEN(cases), &(mn_template_context){ .method = label });
}

static void knows_the_fields_it_uses(void **state) {
        (void) state;
        cleanup_arena mn_arena *arena = mn_arena_new();
        mn_template *t;
        assert_int_equal(mn_template_parse(arena, "{{if .A}}{{len (index .B 1).Size}}{{end}}", &t, NULL),
                         MN_OK);
        assert_true(mn_template_uses_field(t, "Size"));
        assert_false(mn_template_uses_field(t, "Name"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(runs_what_go_runs),
                cmocka_unit_test(fails_in_gos_words),
                cmocka_unit_test(knows_missing_keys),
                cmocka_unit_test(prints_zero_values_of_the_declared_type),
                cmocka_unit_test(calls_methods),
                cmocka_unit_test(knows_the_fields_it_uses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
