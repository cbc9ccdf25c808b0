/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void terminal_set_raw(terminal *t, int fd) {
        struct termios raw;
        if (t->is_raw || tcgetattr(fd, &t->saved) < 0)
                return;
        raw = t->saved;
        cfmakeraw(&raw);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        t->fd = fd;
        t->is_raw = tcsetattr(fd, TCSANOW, &raw) == 0;
}

void terminal_restore(terminal *t) {
        if (t->is_raw)
                tcsetattr(t->fd, TCSANOW, &t->saved);
        t->is_raw = false;
}

bool terminal_read_secret(const char *prompt, char *buf, unsigned size) {
        struct termios saved, quiet;
        bool is_terminal = tcgetattr(STDIN_FILENO, &saved) == 0;
        fputs(prompt, stdout);
        fflush(stdout);
        if (is_terminal) {
                quiet = saved;
                quiet.c_lflag &= ~(tcflag_t) ECHO;
                tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
        }
        bool has_line = fgets(buf, (int) size, stdin) != NULL;
        if (is_terminal) {
                tcsetattr(STDIN_FILENO, TCSANOW, &saved);
                fputs("\n", stdout);
        }
        if (has_line)
                buf[strcspn(buf, "\r\n")] = '\0';
        return has_line;
}
