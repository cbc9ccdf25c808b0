/* SPDX-License-Identifier: Apache-2.0 */
#include "image/platform.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/str.h"
#include "base/strv.h"

enum { FIT_EXACT = 100 };

static const char *const known_os[] = { "linux",   "windows",   "darwin",  "freebsd", "netbsd",
                                        "openbsd", "dragonfly", "solaris", "illumos", "aix",
                                        "android", "js",        "plan9",   "wasip1",  NULL };
static const char *const known_architectures[] = { "386",     "amd64",   "arm",     "arm64",
                                                   "loong64", "mips",    "mips64",  "mips64le",
                                                   "mipsle",  "ppc64",   "ppc64le", "riscv64",
                                                   "s390x",   "sparc64", "wasm",    NULL };

static bool is_one_of(const char *const *list, const char *text) {
        return mn_strv_has((char *const *) (uintptr_t) list, text);
}

static void put(char to[IMAGE_PLATFORM_PART_SIZE], const char *from) {
        size_t n = 0;
        for (; from && from[n] && n + 1 < IMAGE_PLATFORM_PART_SIZE; n++)
                to[n] = (char) tolower((unsigned char) from[n]);
        to[n] = '\0';
}

static void normalise(image_platform *p) {
        static const struct {
                const char *alias, *architecture, *variant;
        } aliases[] = { { "x86_64", "amd64", "" },  { "x86-64", "amd64", "" },
                        { "aarch64", "arm64", "" }, { "i386", "386", "" },
                        { "i686", "386", "" },      { "armhf", "arm", "v7" },
                        { "armv7l", "arm", "v7" },  { "armel", "arm", "v6" },
                        { "armv6l", "arm", "v6" },  { "loongarch64", "loong64", "" } };
        if (strcmp(p->os, "macos") == 0)
                mn_str_copy(p->os, sizeof(p->os), "darwin");
        for (size_t i = 0; i < MN_ARRAY_LEN(aliases); i++) {
                if (strcmp(p->architecture, aliases[i].alias) != 0)
                        continue;
                mn_str_copy(p->architecture, sizeof(p->architecture), aliases[i].architecture);
                if (*aliases[i].variant)
                        mn_str_copy(p->variant, sizeof(p->variant), aliases[i].variant);
                break;
        }
        if (isdigit((unsigned char) p->variant[0]) && strlen(p->variant) < 4) {
                char number[8];
                snprintf(number, sizeof(number), "%.4s", p->variant);
                snprintf(p->variant, sizeof(p->variant), "v%s", number);
        }
        bool is_usual = (strcmp(p->architecture, "arm64") == 0 && strcmp(p->variant, "v8") == 0) ||
                        (strcmp(p->architecture, "amd64") == 0 && strcmp(p->variant, "v1") == 0);
        if (is_usual)
                p->variant[0] = '\0';
        if (strcmp(p->architecture, "arm") == 0 && !p->variant[0])
                mn_str_copy(p->variant, sizeof(p->variant), "v7");
}

void image_platform_set(const char *os, const char *architecture, const char *variant, image_platform *ret) {
        put(ret->os, os);
        put(ret->architecture, architecture);
        put(ret->variant, variant);
        normalise(ret);
}

void image_platform_host(image_platform *ret) {
        struct utsname machine;
        const char *name = uname(&machine) == 0 ? machine.machine : "amd64";
        image_platform_set("linux", name, "", ret);
}

static mn_status fail_specifier(const char *text, mn_err *err) {
        return mn_fail(err, MN_INVALID, "\"%.64s\": invalid platform specifier: expected os[/arch[/variant]]",
                       text);
}

mn_status image_platform_parse(const char *text, image_platform *ret, mn_err *err) {
        image_platform p, host;
        image_platform_host(&host);
        if (mn_str_is_empty(text)) {
                *ret = host;
                return MN_OK;
        }
        cleanup_strv char **parts = mn_strv_split(text, '/');
        size_t n = mn_strv_len(parts);
        for (size_t i = 0; i < n; i++) {
                bool is_plain = *parts[i] && strlen(parts[i]) < IMAGE_PLATFORM_PART_SIZE;
                for (const char *c = parts[i]; *c; c++)
                        is_plain = is_plain && (isalnum((unsigned char) *c) || strchr("._-", *c));
                if (!is_plain || n > 3)
                        return fail_specifier(text, err);
        }
        if (n > 1) {
                image_platform_set(parts[0], parts[1], n > 2 ? parts[2] : "", &p);
        } else {
                image_platform_set(parts[0], host.architecture, host.variant, &p);
                if (!is_one_of(known_os, p.os))
                        image_platform_set("linux", parts[0], "", &p);
        }
        if (!is_one_of(known_os, p.os) || (n == 1 && !is_one_of(known_architectures, p.architecture)))
                return mn_fail(err, MN_INVALID,
                               "\"%s\": unknown operating system or architecture: invalid argument", text);
        *ret = p;
        return MN_OK;
}

int image_platform_fit(const image_platform *wanted, const image_platform *offered) {
        if (strcmp(wanted->os, offered->os) != 0 || strcmp(wanted->architecture, offered->architecture) != 0)
                return 0;
        if (strcmp(wanted->variant, offered->variant) == 0)
                return FIT_EXACT;
        const char *w = wanted->variant, *o = offered->variant;
        /* an older variant of the same line runs too: v5 on v7, plain amd64 on v3 */
        if (!*o)
                return 1;
        bool is_line = w[0] == 'v' && o[0] == 'v' && !w[2] && !o[2];
        return is_line && o[1] < w[1] ? 2 + (o[1] - '0') : 0;
}

const char *image_platform_text(const image_platform *p, char buf[IMAGE_PLATFORM_TEXT_SIZE]) {
        snprintf(buf, IMAGE_PLATFORM_TEXT_SIZE, "%s/%s%s%s", p->os, p->architecture, *p->variant ? "/" : "",
                 p->variant);
        return buf;
}
