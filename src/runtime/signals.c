/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/signals.h"

#include <errno.h>
#include <signal.h>
#include <strings.h>

#include "base/macro.h"
#include "base/num.h"

/* The kernel's numbers; the C library reserves a few of the real-time ones for itself. */
enum { RT_MIN = 34, RT_MAX = 64, LAST = 64 };

static const struct {
        const char *name;
        int number;
} names[] = {
        { "HUP", SIGHUP },   { "INT", SIGINT },     { "QUIT", SIGQUIT }, { "ILL", SIGILL },
        { "TRAP", SIGTRAP }, { "ABRT", SIGABRT },   { "IOT", SIGABRT },  { "BUS", SIGBUS },
        { "FPE", SIGFPE },   { "KILL", SIGKILL },   { "USR1", SIGUSR1 }, { "SEGV", SIGSEGV },
        { "USR2", SIGUSR2 }, { "PIPE", SIGPIPE },   { "ALRM", SIGALRM }, { "TERM", SIGTERM },
        { "STKFLT", 16 },    { "CHLD", SIGCHLD },   { "CLD", SIGCHLD },  { "CONT", SIGCONT },
        { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },   { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
        { "URG", SIGURG },   { "XCPU", SIGXCPU },   { "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM },
        { "PROF", SIGPROF }, { "WINCH", SIGWINCH }, { "IO", SIGIO },     { "POLL", SIGIO },
        { "PWR", SIGPWR },   { "SYS", SIGSYS },
};

static int real_time(const char *name) {
        int offset = 0;
        bool is_min = strncasecmp(name, "RTMIN", 5) == 0;
        if (!is_min && strncasecmp(name, "RTMAX", 5) != 0)
                return -EINVAL;
        if (name[5] &&
            (name[5] != (is_min ? '+' : '-') || mn_parse_int(name + 6, 0, RT_MAX - RT_MIN, &offset) < 0))
                return -EINVAL;
        return is_min ? RT_MIN + offset : RT_MAX - offset;
}

int signal_number(const char *name) {
        int number;
        if (mn_parse_int(name, 0, LAST, &number) == 0)
                return number;
        if (strncasecmp(name, "SIG", 3) == 0)
                name += 3;
        for (size_t i = 0; i < MN_ARRAY_LEN(names); i++)
                if (strcasecmp(names[i].name, name) == 0)
                        return names[i].number;
        return real_time(name);
}
