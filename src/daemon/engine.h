/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* All modules of the engine, opened in order and closed in the reverse one. */

#include "api/api.h"
#include "daemon/config.h"
#include "loop/loop.h"

typedef struct engine engine;

/* Opens the store and the modules, takes over what runs. `config` is borrowed and must outlive the engine. */
mn_status engine_open(const daemon_config *config, loop *l, engine **ret, mn_err *err) MN_MUST_USE;

/* What the API acts on; valid until engine_close. */
const api_engine *engine_api(const engine *e);

/* Takes over the reloadable values of a new configuration (borrowed, outlives the engine). */
void engine_reload(engine *e, const daemon_config *config);

/* Lets no operation begin any more, ends event streams, and containers when the configuration wants that.
 * Blocks, so not for the loop's thread, which must still run. */
void engine_stop(engine *e);

/* Closes everything; running containers go on. NULL is accepted. */
void engine_close(engine *e);
