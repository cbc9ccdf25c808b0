/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers behind the networks "host" and "none": they have no interfaces and no addresses of their own.
 */

#include "network/manager.h"

static mn_status configure(network_manager *m, struct network *n, mn_err *err) {
        (void) m;
        (void) n;
        (void) err;
        return MN_OK;
}

const struct network_driver network_host_driver = { .name = "host",
                                                    .is_single = true,
                                                    .configure = configure };
const struct network_driver network_none_driver = { .name = "null",
                                                    .is_single = true,
                                                    .configure = configure };
