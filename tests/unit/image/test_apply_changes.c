/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/strv.h"
#include "image/image.h"

/* Instructions, and the configuration they make of {"Env":["A=1"],"Cmd":["old"],"WorkingDir":"/w"}, or the
 * refusal. */
static const struct {
        const char *change, *config, *error;
} cases[] = {
        { "CMD [\"a\",\"b c\"]", "\"Cmd\":[\"a\",\"b c\"]", NULL },
        { "cmd echo $A", "\"Cmd\":[\"/bin/sh\",\"-c\",\"echo $A\"]", NULL },
        { "SHELL [\"/bin/bash\",\"-c\"]\nCMD x", "\"Cmd\":[\"/bin/bash\",\"-c\",\"x\"]", NULL },
        { "ENTRYPOINT [\"/e\"]", "\"Env\":[\"A=1\"],\"Entrypoint\":[\"/e\"]", NULL },
        { "CMD [\"c\"]\nENTRYPOINT [\"/e\"]", "\"Cmd\":[\"c\"]", NULL },
        { "ENV B=2 C=\"3 4\" D=$A-${A}-${X:-y}-${A:+z}", "\"A=1\",\"B=2\",\"C=3 4\",\"D=1-1-y-z\"", NULL },
        { "ENV A=2", "\"Env\":[\"A=2\"]", NULL },
        { "ENV B two words", "\"B=two words\"", NULL },
        { "ENV B='$A' C=\\$A", "\"B=$A\",\"C=$A\"", NULL },
        { "EXPOSE 80 53/UDP 8000-8002",
          "{\"53/udp\":{},\"80/tcp\":{},\"8000/tcp\":{},\"8001/tcp\":{},\"8002/tcp\":{}}", NULL },
        { "LABEL a=b \"c d\"=\"e f\"", "\"Labels\":{\"a\":\"b\",\"c d\":\"e f\"}", NULL },
        { "USER app:$A", "\"User\":\"app:1\"", NULL },
        { "WORKDIR sub", "\"WorkingDir\":\"/w/sub\"", NULL },
        { "WORKDIR /abs", "\"WorkingDir\":\"/abs\"", NULL },
        { "VOLUME /a /b", "\"Volumes\":{\"/a\":{},\"/b\":{}}", NULL },
        { "VOLUME [\"/c d\"]", "\"Volumes\":{\"/c d\":{}}", NULL },
        { "STOPSIGNAL SIGINT", "\"StopSignal\":\"SIGINT\"", NULL },
        { "ONBUILD RUN make", "\"OnBuild\":[\"RUN make\"]", NULL },
        { "HEALTHCHECK --interval=5s --retries=3 CMD curl -f x || exit 1",
          "\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"curl -f x || exit "
          "1\"],\"Interval\":5000000000,\"Retries\":3}",
          NULL },
        { "HEALTHCHECK CMD [\"a\"]", "\"Test\":[\"CMD\",\"a\"]", NULL },
        { "HEALTHCHECK NONE", "\"Test\":[\"NONE\"]", NULL },
        { "# a comment", "\"Cmd\":[\"old\"]", NULL },
        { "RUN x", NULL, "RUN is not a valid change command" },
        { "from x", NULL, "from is not a valid change command" },
        { "FOO x", NULL, "dockerfile parse error on line 1: unknown instruction: FOO" },
        { "ENV", NULL, "ENV requires at least one argument" },
        { "ENV A", NULL, "ENV must have two arguments" },
        { "ENV A=1 B", NULL, "Syntax error - can't find = in \"B\". Must be of the form: name=value" },
        { "ENV A=\"x", NULL,
          "failed to process \"\"x\": unexpected end of statement while looking for matching double-quote" },
        { "ENV A=${A", NULL, "failed to process \"${A\": unsupported variable" },
        { "EXPOSE 0", NULL, "invalid containerPort: 0" },
        { "EXPOSE 80/x", NULL, "invalid proto: x" },
        { "EXPOSE 9-8", NULL, "invalid containerPort: 9-8" },
        { "SHELL sh", NULL, "SHELL requires the arguments to be in JSON form" },
        { "ONBUILD ONBUILD RUN x", NULL, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed" },
        { "ONBUILD FROM x", NULL, "FROM isn't allowed as an ONBUILD trigger" },
        { "HEALTHCHECK --interval=x CMD a", NULL, "invalid duration \"x\"" },
        { "HEALTHCHECK CMD", NULL, "Missing command after HEALTHCHECK CMD" },
        { "HEALTHCHECK x", NULL, "Unknown type \"x\" in HEALTHCHECK (try CMD)" },
};

static void table(void **state) {
        (void) state;
        for (size_t i = 0; i < MN_ARRAY_LEN(cases); i++) {
                cleanup_arena mn_arena *arena = mn_arena_new();
                cleanup_err mn_err err = { 0 };
                cleanup_str mn_str out = MN_STR_INIT(0);
                cleanup_strv char **env = NULL, **cmd = NULL, **changes = NULL;
                mn_strv_add(&env, "A=1");
                mn_strv_add(&cmd, "old");
                mn_strv_add(&changes, cases[i].change);
                char working_dir[] = "/w";
                char *first_env = env[0];
                oci_image_config config = { .env = env, .cmd = cmd, .working_dir = working_dir };
                mn_status status = image_apply_changes(&config, changes, arena, &err);
                if (cases[i].error) {
                        if (status != MN_INVALID || strcmp(mn_err_text(&err), cases[i].error) != 0)
                                fail_msg("%s: %d %s", cases[i].change, (int) status, mn_err_text(&err));
                } else {
                        if (status)
                                fail_msg("%s: %s", cases[i].change, mn_err_text(&err));
                        mn_json_encode(&oci_image_config_type, &config, 0, &out);
                        if (!strstr(mn_str_text(&out), cases[i].config))
                                fail_msg("%s: %s", cases[i].change, mn_str_text(&out));
                }
                env[0] = first_env; /* a changed entry is the arena's */
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(table) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
