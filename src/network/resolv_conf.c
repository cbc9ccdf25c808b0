/* SPDX-License-Identifier: Apache-2.0 */
#include "network/resolv_conf.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "network/address.h"
#include "sys/file.h"

#define MAX_SIZE ((size_t) 64 << 10)
#define MAX_NAMESERVERS 16

/* The next word of a line; NULL at its end. */
static char *next_word(char **line) {
        char *word = *line + strspn(*line, " \t\r");
        if (!*word)
                return NULL;
        char *end = word + strcspn(word, " \t\r");
        *line = *end ? end + 1 : end;
        *end = '\0';
        return word;
}

static void parse_line(char *line, struct resolv_conf *c) {
        line[strcspn(line, "#;")] = '\0';
        char *key = next_word(&line), *word;
        mn_net_address address;
        if (!key)
                return;
        if (strcmp(key, "nameserver") == 0) {
                word = next_word(&line);
                if (word && network_address_parse(word, &address) >= 0 &&
                    mn_strv_len(c->nameservers) < MAX_NAMESERVERS)
                        mn_strv_add(&c->nameservers, word);
        } else if (strcmp(key, "search") == 0 || strcmp(key, "domain") == 0) {
                mn_strv_freep(&c->search);
                c->search = NULL;
                while ((word = next_word(&line)))
                        mn_strv_add(&c->search, word);
        } else if (strcmp(key, "options") == 0) {
                while ((word = next_word(&line)))
                        mn_strv_add(&c->options, word);
        }
}

void resolv_conf_parse(const char *text, struct resolv_conf *ret) {
        *ret = (struct resolv_conf){ 0 };
        cleanup_free char *copy = mn_strdup(text);
        char *rest = copy;
        for (char *line; (line = strsep(&rest, "\n"));)
                parse_line(line, ret);
}

void resolv_conf_release(struct resolv_conf *c) {
        mn_strv_free(c->nameservers);
        mn_strv_free(c->search);
        mn_strv_free(c->options);
        *c = (struct resolv_conf){ 0 };
}

static void read_file(const char *path, struct resolv_conf *ret) {
        cleanup_free char *text = NULL;
        size_t len;
        *ret = (struct resolv_conf){ 0 };
        if (mn_file_read(AT_FDCWD, path, MAX_SIZE, &text, &len) >= 0)
                resolv_conf_parse(text, ret);
}

static bool has_only_stub(const struct resolv_conf *c) {
        return mn_strv_len(c->nameservers) == 1 && mn_str_equal(c->nameservers[0], "127.0.0.53");
}

void resolv_conf_read_host(int for_containers, struct resolv_conf *ret) {
        read_file("/etc/resolv.conf", ret);
        if (!for_containers || !has_only_stub(ret))
                return;
        struct resolv_conf behind;
        read_file("/run/systemd/resolve/resolv.conf", &behind);
        if (!behind.nameservers) {
                resolv_conf_release(&behind);
                return;
        }
        resolv_conf_release(ret);
        *ret = behind;
}
