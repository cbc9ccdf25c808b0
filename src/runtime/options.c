/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/options.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/strv.h"

static const option_row *find_row(const option_row *rows, const char *name, size_t len) {
        for (const option_row *row = rows; row->name; row++)
                if ((strlen(row->name) == len && memcmp(row->name, name, len) == 0) ||
                    (row->letter && len == 1 && *name == row->letter))
                        return row;
        return NULL;
}

static mn_status set_value(const option_row *row, void *ret, const char *value, mn_err *err) {
        void *to = (char *) ret + row->offset;
        switch (row->kind) {
        case OPTION_FLAG:
                if (!value)
                        *(bool *) to = true;
                else if (mn_parse_bool(value, to) < 0)
                        return mn_fail(err, MN_INVALID, "invalid value \"%s\" for flag --%s", value,
                                       row->name);
                return MN_OK;
        case OPTION_STRING:
                *(const char **) to = value;
                return MN_OK;
        case OPTION_LIST:
                mn_strv_add(to, value);
                return MN_OK;
        case OPTION_INT:
                if (mn_parse_int(value, INT32_MIN, INT32_MAX, to) < 0)
                        return mn_fail(err, MN_INVALID, "invalid value \"%s\" for flag --%s", value,
                                       row->name);
                return MN_OK;
        }
        return MN_OK;
}

mn_status options_parse(const option_row *rows, void *ret, int argc, char **argv, int *ret_used,
                        mn_err *err) {
        int i = 0;
        for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
                if (strcmp(argv[i], "--") == 0) {
                        i++;
                        break;
                }
                const char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1);
                size_t len = strcspn(name, "=");
                const option_row *row = find_row(rows, name, len);
                if (!row)
                        return mn_fail(err, MN_INVALID, "unknown flag: %s", argv[i]);
                const char *value = name[len] == '=' ? name + len + 1 : NULL;
                if (!value && row->kind != OPTION_FLAG) {
                        if (i + 1 == argc)
                                return mn_fail(err, MN_INVALID, "flag needs a value: %s", argv[i]);
                        value = argv[++i];
                }
                mn_status st = set_value(row, ret, value, err);
                if (st)
                        return st;
        }
        *ret_used = i;
        return MN_OK;
}

void options_help(const option_row *rows) {
        for (const option_row *row = rows; row->name; row++) {
                char letter[8] = "";
                if (row->letter)
                        snprintf(letter, sizeof(letter), ", -%c", row->letter);
                printf("   --%s%s\t%s\n", row->name, letter, row->help);
        }
}
