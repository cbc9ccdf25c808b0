/* SPDX-License-Identifier: Apache-2.0 */
/* POST /system/check. */
#include "api/handlers.h"
#include "base/vec.h"
#include "image/image.h"
#include "wire/check.h"

struct findings {
        mn_arena *arena;
        MN_VEC(wire_check_finding) list;
};

static void add_finding(void *arg, const image_finding *found) {
        struct findings *f = arg;
        mn_vec_push(&f->list, ((wire_check_finding){
                                      .object = mn_arena_strdup(f->arena, found->object),
                                      .problem = mn_arena_strdup(f->arena, found->problem),
                                      .action = mn_arena_strdup(f->arena, found->action ? found->action : ""),
                              }));
}

mn_status api_system_check(api_call *c, mn_err *err) {
        struct findings f = { .arena = c->arena };
        const image_check_spec spec = { .reads_data = api_param_bool_or(c, "data", true),
                                        .repairs = api_param_bool(c, "repair"),
                                        .found = add_finding,
                                        .arg = &f };
        mn_status s = image_check(c->engine->images, &spec, err);
        const wire_check_report report = { .findings = { f.list.items, f.list.len } };
        if (s == MN_OK)
                s = api_reply(c, &report);
        mn_vec_release(&f.list);
        return s;
}
