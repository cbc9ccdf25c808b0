/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/driver.h"

#include <string.h>

#include "base/num.h"
#include "codec/size.h"
#include "logs/logs.h"

/* Both file drivers rotate by default: a log that fills the disk is nobody's wish. */
static const char *const file_options[] = {
        "max-size", "max-file", "compress",  "mode",         "max-buffer-size", "labels",
        "env",      "tag",      "env-regex", "labels-regex", "cache-disabled",  NULL
};
static const char *const no_options[] = { NULL };
static const struct logs_driver drivers[] = {
        { "json-file", true, false, INT64_C(10) << 20, 3, file_options },
        { "local", true, true, INT64_C(20) << 20, 5, file_options },
        { "none", false, false, 0, 0, no_options },
};

const struct logs_driver *logs_driver_find(const char *name) {
        if (mn_str_is_empty(name))
                return &drivers[0];
        for (size_t i = 0; i < MN_ARRAY_LEN(drivers); i++)
                if (strcmp(drivers[i].name, name) == 0)
                        return &drivers[i];
        return NULL;
}

bool logs_driver_can_read(const char *name) {
        const struct logs_driver *driver = logs_driver_find(name);
        return driver && driver->has_file;
}

static bool has_option(const struct logs_driver *driver, const char *name) {
        for (size_t i = 0; driver->options[i]; i++)
                if (strcmp(driver->options[i], name) == 0)
                        return true;
        return false;
}

static mn_status read_option(const char *key, const char *value, logs_config *ret, mn_err *err) {
        bool is_on;
        if (strcmp(key, "max-size") == 0) {
                ret->max_size_bytes = -1;
                mn_status st = strcmp(value, "-1") == 0 ? MN_OK
                                                        : mn_size_parse(value, &ret->max_size_bytes, err);
                if (st || ret->max_size_bytes == 0)
                        return st ? st : mn_fail(err, MN_INVALID, "max-size must be a positive number");
        } else if (strcmp(key, "max-file") == 0) {
                if (mn_parse_int(value, 1, 1000, &ret->max_file) < 0)
                        return mn_fail(err, MN_INVALID, "max-file must be a positive number, not '%s'",
                                       value);
        } else if (strcmp(key, "compress") == 0) {
                if (mn_parse_bool(value, &is_on) < 0)
                        return mn_fail(err, MN_INVALID, "compress must be true or false, not '%s'", value);
                if (is_on)
                        return mn_fail(err, MN_NOT_IMPLEMENTED, "log-opt compress=true is not supported");
        } else if (strcmp(key, "mode") == 0) {
                /* "non-blocking" drops output when the log is slow. Our writer is as fast as the page cache.
                 */
                if (strcmp(value, "blocking") != 0 && strcmp(value, "non-blocking") != 0)
                        return mn_fail(err, MN_INVALID, "logger: logging mode not supported: %s", value);
        }
        return MN_OK;
}

mn_status logs_config_parse(const char *name, const mn_str_map *options, logs_config *ret, mn_err *err) {
        const struct logs_driver *driver = logs_driver_find(name);
        if (!driver)
                return mn_fail(err, MN_INVALID, "logger: no log driver named '%s' is registered", name);
        logs_config config = { .driver = driver->name };
        for (size_t i = 0; options && i < options->len; i++) {
                const char *key = options->items[i].key, *value = options->items[i].value;
                if (!has_option(driver, key))
                        return mn_fail(err, MN_INVALID, "unknown log opt '%s' for %s log driver", key,
                                       driver->name);
                mn_status st = read_option(key, value ? value : "", &config, err);
                if (st)
                        return st;
        }
        if (config.max_file > 1 && config.max_size_bytes < 0)
                return mn_fail(err, MN_INVALID, "max-file cannot be greater than 1 without a max-size");
        *ret = config;
        return MN_OK;
}
