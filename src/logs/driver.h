/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The log drivers, as a table. */

#include <stdbool.h>
#include <stdint.h>

struct logs_driver {
        const char *name;
        bool has_file;   /* keeps the log, and so can be read */
        bool is_compact; /* in lines of our own (record.h) instead of Docker's JSON */
        int64_t default_max_size;
        int default_max_file;
        const char *const *options; /* names it knows, NULL at the end */
};

/* The driver, or NULL when there is none of that name. NULL and "" are json-file. */
const struct logs_driver *logs_driver_find(const char *name);
