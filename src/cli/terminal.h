/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Raw mode of the terminal, undone at the end whatever happens. */

#include <stdbool.h>
#include <termios.h>

#include "base/macro.h"

typedef struct terminal {
        int fd;
        bool is_raw;
        struct termios saved;
} terminal;

/* Puts `fd` in raw mode; nothing when it is no terminal. */
void terminal_set_raw(terminal *t, int fd);
void terminal_restore(terminal *t);
#define cleanup_terminal MN_CLEANUP(terminal_restore)

/* Reads a line without echo (a password), without its line break; false at the end of input. */
bool terminal_read_secret(const char *prompt, char *buf, unsigned size);
