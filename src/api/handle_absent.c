/* SPDX-License-Identifier: Apache-2.0 */
/* Operations this engine answers without having them: as a Docker daemon outside a swarm and without plugins
 * does, or with 501 and a name. */
#include "api/handlers.h"

mn_status api_no_swarm(api_call *c, mn_err *err) {
        (void) c;
        return mn_fail(err, MN_UNAVAILABLE,
                       "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" "
                       "to connect "
                       "this node to swarm and try again.");
}

mn_status api_no_swarm_mode(api_call *c, mn_err *err) {
        (void) c;
        return mn_fail(err, MN_NOT_IMPLEMENTED, "swarm mode is not implemented by minato");
}

mn_status api_no_swarm_to_leave(api_call *c, mn_err *err) {
        (void) c;
        return mn_fail(err, MN_UNAVAILABLE, "This node is not part of a swarm");
}

mn_status api_no_build(api_call *c, mn_err *err) {
        (void) c;
        return mn_fail(err, MN_NOT_IMPLEMENTED,
                       "building images is not implemented by this version of minato");
}

/* `system prune` asks for this, too: without a build cache it has nothing to do, which is no failure. */
mn_status api_build_prune(api_call *c, mn_err *err) {
        static const char *const known[] = { "until", "id",     "parent",  "type", "description",
                                             "inuse", "shared", "private", NULL };
        wire_filters filters;
        mn_status s = api_filters(c, known, &filters, err);
        static const char nothing[] = "{\"CachesDeleted\":[],\"SpaceReclaimed\":0}\n";
        return s == MN_OK ? api_reply_text(c, 200, nothing, sizeof(nothing) - 1) : s;
}

mn_status api_list_plugins(api_call *c, mn_err *err) {
        wire_filters filters;
        mn_status s = api_filters(c, NULL, &filters, err);
        return s == MN_OK ? api_reply_text(c, 200, "[]\n", 3) : s;
}

mn_status api_no_such_plugin(api_call *c, mn_err *err) {
        return mn_fail(err, MN_NOT_FOUND, "plugin \"%s\" not found", c->vars[0]);
}

mn_status api_no_plugins(api_call *c, mn_err *err) {
        (void) c;
        return mn_fail(err, MN_NOT_IMPLEMENTED, "managed plugins are not implemented by minato");
}
