/* SPDX-License-Identifier: Apache-2.0 */
/* The registry client as a program, without a daemon: registry-driver [options]
 * pull|push|login|inspect|search ARGUMENT */

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "driver_store.h"
#include "image/image.h"
#include "image/pull.h"
#include "image/push.h"
#include "store/store.h"
#include "sys/file.h"

struct options {
        image_registry_config config;
        char **insecure, **cert_dirs, **realms, **mirror_urls;
        const char *store, *platform, *auth, *mirror_of, *peak_file, *root;
        image_store *images; /* the real store, with --root */
        bool has_all_tags, is_verified;
        int hang_up_after; /* messages; the client "goes away" */
};

static bool print(void *arg, const image_progress *message) {
        struct options *o = arg;
        cleanup_str mn_str line = MN_STR_INIT(0);
        image_progress_encode(message, &line);
        fputs(mn_str_text(&line), stdout);
        fflush(stdout);
        return o->hang_up_after == 0 || --o->hang_up_after > 0;
}

static mn_status do_pull(struct options *o, image_registry *registry, const mn_reference *ref,
                         const image_auth *auth, mn_err *err) {
        image_pull_spec spec = { .reference = ref,
                                 .has_all_tags = o->has_all_tags,
                                 .platform = o->platform,
                                 .auth = auth,
                                 .is_verified = o->is_verified };
        if (o->images)
                return image_pull(o->images, registry, &spec, print, o, err);
        return pull_into(&driver_store_ops, (void *) (uintptr_t) o->store, registry, &spec, print, o, err);
}

static mn_status do_push(struct options *o, image_registry *registry, const mn_reference *ref,
                         const image_auth *auth, mn_err *err) {
        image_push_spec spec = { .reference = ref, .platform = o->platform, .auth = auth };
        if (o->images)
                return image_push(o->images, registry, &spec, print, o, err);
        return push_from(&driver_store_ops, (void *) (uintptr_t) o->store, registry, &spec, print, o, err);
}

static mn_status do_login(image_registry *registry, image_auth *auth, char *server, mn_arena *arena,
                          mn_err *err) {
        char *token;
        auth->server_address = server;
        mn_status status = image_registry_login(registry, auth, arena, &token, err);
        if (!status)
                printf("Login Succeeded %s\n", token);
        return status;
}

static mn_status do_search(image_registry *registry, const char *term, const image_auth *auth, mn_str *out,
                           mn_err *err) {
        image_search_spec spec = { .term = term, .auth = auth };
        return image_search(registry, &spec, out, err);
}

static mn_status run(struct options *o, image_registry *registry, const char *command, char *argument,
                     mn_err *err) {
        cleanup_str mn_str out = MN_STR_INIT(0);
        cleanup_arena mn_arena *arena = mn_arena_new();
        image_auth auth;
        mn_reference ref;
        mn_status status = image_auth_decode(o->auth, arena, &auth, err);
        if (!status && strcmp(command, "login") != 0 && strcmp(command, "search") != 0)
                status = mn_reference_parse(argument, &ref, err);
        if (status)
                return status;
        if (strcmp(command, "pull") == 0)
                return do_pull(o, registry, &ref, &auth, err);
        if (strcmp(command, "push") == 0)
                return do_push(o, registry, &ref, &auth, err);
        if (strcmp(command, "login") == 0)
                return do_login(registry, &auth, argument, arena, err);
        if (strcmp(command, "inspect") == 0)
                status = image_distribution_inspect(registry, &ref, &auth, &out, err);
        else if (strcmp(command, "search") == 0)
                status = do_search(registry, argument, &auth, &out, err);
        else if (strcmp(command, "info") == 0)
                image_registry_info(registry, &out);
        else
                return mn_fail(err, MN_INVALID, "unknown command %s", command);
        if (!status)
                puts(mn_str_text(&out));
        return status;
}

/* Most memory this program ever had resident, in KiB. */
static void write_peak(const char *path) {
        cleanup_free char *text = NULL;
        size_t len;
        const char *line;
        if (mn_file_read(AT_FDCWD, "/proc/self/status", 1 << 16, &text, &len) == 0 &&
            (line = strstr(text, "VmHWM:")) != NULL) {
                line += strspn(line + 6, " \t") + 6;
                (void) mn_file_replace(AT_FDCWD, path, line, strcspn(line, " "), 0600);
        }
}

static void parse_options(int argc, char **argv, struct options *o) {
        static const struct option table[] = {
                { "store", 1, NULL, 's' },         { "tmp", 1, NULL, 't' },
                { "insecure", 1, NULL, 'i' },      { "certs", 1, NULL, 'c' },
                { "realm", 1, NULL, 'r' },         { "mirror-of", 1, NULL, 'M' },
                { "mirror", 1, NULL, 'm' },        { "platform", 1, NULL, 'p' },
                { "auth", 1, NULL, 'a' },          { "all-tags", 0, NULL, 'A' },
                { "verify", 0, NULL, 'v' },        { "policy", 1, NULL, 'P' },
                { "attempts", 1, NULL, 'n' },      { "stall-ms", 1, NULL, 'S' },
                { "hang-up-after", 1, NULL, 'h' }, { "index", 1, NULL, 'I' },
                { "proxy", 1, NULL, 'x' },         { "peak", 1, NULL, 'k' },
                { "root", 1, NULL, 'R' },          { 0 }
        };
        for (int c; (c = getopt_long(argc, argv, "", table, NULL)) >= 0;) {
                switch (c) {
                case 's':
                        o->store = optarg;
                        break;
                case 't':
                        o->config.tmp_dir = optarg;
                        break;
                case 'i':
                        mn_strv_add(&o->insecure, optarg);
                        break;
                case 'c':
                        mn_strv_add(&o->cert_dirs, optarg);
                        break;
                case 'r':
                        mn_strv_add(&o->realms, optarg);
                        break;
                case 'M':
                        o->mirror_of = optarg;
                        break;
                case 'm':
                        mn_strv_add(&o->mirror_urls, optarg);
                        break;
                case 'p':
                        o->platform = optarg;
                        break;
                case 'a':
                        o->auth = optarg;
                        break;
                case 'A':
                        o->has_all_tags = true;
                        break;
                case 'v':
                        o->is_verified = true;
                        break;
                case 'P':
                        o->config.policy_file = optarg;
                        break;
                case 'n':
                        o->config.max_attempts = atoi(optarg);
                        break;
                case 'S':
                        o->config.stall_timeout_ms = atoi(optarg);
                        break;
                case 'h':
                        o->hang_up_after = atoi(optarg);
                        break;
                case 'I':
                        o->config.search_url = optarg;
                        break;
                case 'R':
                        o->root = optarg;
                        break;
                case 'k':
                        o->peak_file = optarg;
                        break;
                case 'x':
                        o->config.http_proxy = optarg;
                        break;
                default:
                        exit(2);
                }
        }
}

/* The client with the image store at `root`, as the daemon has it. */
static mn_status run_with_store(struct options *o, image_registry *registry, const char *command,
                                char *argument, mn_err *err) {
        cleanup_free char *path = mn_asprintf("%s/state.db", o->root);
        store *db = NULL;
        image_store_config config = { .data_root = o->root };
        mn_status status = store_open(path, &db, err);
        config.store = db;
        if (!status)
                status = image_store_open(&config, &o->images, err);
        if (!status)
                status = run(o, registry, command, argument, err);
        image_store_close(o->images);
        store_close(db);
        return status;
}

int main(int argc, char **argv) {
        struct options o = { .config = { .retry_delay_ms = 10, .connect_timeout_ms = 5000 } };
        cleanup_err mn_err err = { 0 };
        image_registry *registry;
        parse_options(argc, argv, &o);
        if (argc - optind != 2 || !o.config.tmp_dir || !o.store)
                return fprintf(stderr, "usage: %s --store DIR --tmp DIR [options] COMMAND ARGUMENT\n",
                               argv[0]),
                       2;
        image_registry_mirrors mirrors = { o.mirror_of, o.mirror_urls };
        o.config.insecure_registries = o.insecure;
        o.config.cert_dirs = o.cert_dirs;
        o.config.token_realms = o.realms;
        o.config.mirrors = &mirrors;
        o.config.nmirrors = o.mirror_of ? 1 : 0;
        driver_store_init(o.store);
        mn_status status = image_registry_new(&o.config, &registry, &err);
        if (!status) {
                status = o.root ? run_with_store(&o, registry, argv[optind], argv[optind + 1], &err)
                                : run(&o, registry, argv[optind], argv[optind + 1], &err);
                image_registry_free(registry);
        }
        if (status)
                fprintf(stderr, "error %d: %s\n", (int) status, mn_err_text(&err));
        if (o.peak_file)
                write_peak(o.peak_file);
        mn_strv_free(o.insecure);
        mn_strv_free(o.cert_dirs);
        mn_strv_free(o.realms);
        mn_strv_free(o.mirror_urls);
        return status ? 1 : 0;
}
