/* SPDX-License-Identifier: Apache-2.0 */
/* minatod: reads the configuration, opens the engine, serves the API until it is told to end. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/num.h"
#include "base/time.h"
#include "daemon/config.h"
#include "daemon/engine.h"
#include "daemon/lock.h"
#include "daemon/notify.h"
#include "daemon/process.h"
#include "loop/loop.h"
#include "sys/fd.h"

enum { STOP_POLL_MS = 10, BREAK_AFTER_MS = 100, EXIT_FAILED = 1 };

typedef struct minatod {
        int argc;
        char **argv;
        mn_arena *arena; /* the configurations, also replaced ones: their strings are borrowed everywhere */
        daemon_config config;
        loop *loop;
        engine *engine;
        api_server *api;
        loop_timer *stop_timer;
        int64_t break_ns, give_up_ns;
        bool is_stopping, is_engine_stopped;
        daemon_locks locks;
} minatod;

/* ---- ending ---- */

/* Streams are broken after a moment; operations under way get the shutdown time-out. What is still busy then
 * is given up: the state on disk is complete at every instant. */
static void on_stop_timer(void *arg) {
        minatod *d = arg;
        size_t busy = api_busy(d->api);
        int64_t now_ns = mn_monotonic_ns();
        if (d->is_engine_stopped && busy == 0) {
                loop_quit(d->loop);
                return;
        }
        if (now_ns >= d->give_up_ns) {
                mn_log(MN_LOG_WARN, "not waiting any longer", " requests=%zu", busy);
                daemon_unlock(&d->locks);
                _exit(0);
        }
        if (now_ns >= d->break_ns)
                api_break(d->api);
        loop_timer_set(d->stop_timer, STOP_POLL_MS);
}

static void on_engine_stopped(void *arg) {
        minatod *d = arg;
        d->is_engine_stopped = true;
        on_stop_timer(d);
}

static void *stop_engine(void *arg) {
        minatod *d = arg;
        engine_stop(d->engine);
        loop_post(d->loop, on_engine_stopped, d);
        return NULL;
}

static void begin_stop(minatod *d, int signal) {
        int64_t now_ns = mn_monotonic_ns();
        pthread_t thread;
        if (d->is_stopping) {
                d->give_up_ns = now_ns;
                return;
        }
        d->is_stopping = true;
        mn_log(MN_LOG_INFO, "stopping", " signal=%d", signal);
        notify_stopping();
        api_stop(d->api);
        d->break_ns = now_ns + BREAK_AFTER_MS * MN_NS_PER_MS;
        d->give_up_ns = now_ns + d->config.shutdown_timeout * MN_NS_PER_SEC;
        if (pthread_create(&thread, NULL, stop_engine, d) == 0)
                pthread_detach(thread);
        else
                d->is_engine_stopped = true;
        on_stop_timer(d);
}

/* ---- reloading ---- */

static void apply_log(const daemon_config *c) {
        mn_log_level level;
        if (mn_log_level_parse(c->log_level, &level) == 0)
                mn_log_set_level(c->debug ? MN_LOG_DEBUG : level);
        mn_log_set_json(strcmp(c->log_format, "json") == 0);
}

static void reload(minatod *d) {
        cleanup_err mn_err err = { 0 };
        daemon_config *next = mn_arena_alloc(d->arena, sizeof(*next));
        notify_reloading();
        if (daemon_config_reload(&d->config, d->argc, d->argv, d->arena, next, &err) != MN_OK) {
                mn_log(MN_LOG_ERROR, "the configuration was not reloaded", " error=\"%s\"",
                       mn_err_text(&err));
        } else {
                d->config = *next;
                apply_log(&d->config);
                engine_reload(d->engine, next);
                mn_log(MN_LOG_INFO, "configuration reloaded", "%s", "");
        }
        notify_ready();
}

static void on_signal(void *arg, const struct signalfd_siginfo *info) {
        minatod *d = arg;
        switch (info->ssi_signo) {
        case SIGHUP:
                reload(d);
                break;
        case SIGUSR1:
                mn_log(MN_LOG_INFO, "state", " requests=%zu", api_busy(d->api));
                break;
        default:
                begin_stop(d, (int) info->ssi_signo);
        }
}

/* ---- starting ---- */

static mn_status listen_all(minatod *d, mn_err *err) {
        const daemon_config *c = &d->config;
        for (char **host = c->hosts; *host; host++) {
                mn_status s = api_listen(d->api,
                                         &(api_listen_spec){
                                                 .address = *host,
                                                 .group = c->group,
                                                 .has_group = c->has_group,
                                                 .has_tls = c->tls,
                                                 .verifies_clients = c->tlsverify,
                                                 .is_insecure_allowed = c->insecure_tcp,
                                                 .ca_file = c->tlscacert,
                                                 .cert_file = c->tlscert,
                                                 .key_file = c->tlskey,
                                         },
                                         err);
                if (s != MN_OK)
                        return s;
                mn_log(MN_LOG_INFO, "API listens", " address=\"%s\"", *host);
        }
        return MN_OK;
}

/* "1.44" as 144; 0 when it is no version we can serve. */
static unsigned parse_min_version(const char *text) {
        int minor;
        if (strncmp(text, "1.", 2) != 0 ||
            mn_parse_int(text + 2, API_MIN_VERSION - 100, API_VERSION - 100, &minor) < 0)
                return 0;
        return 100 + (unsigned) minor;
}

static mn_status watch_signals(minatod *d, mn_err *err) {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGQUIT);
        sigaddset(&signals, SIGHUP);
        sigaddset(&signals, SIGUSR1);
        d->loop = loop_new();
        if (!d->loop || !loop_signals_add(d->loop, &signals, on_signal, d))
                return mn_fail_errno(err, -errno, "cannot make the event loop");
        d->stop_timer = loop_timer_add(d->loop, on_stop_timer, d);
        return MN_OK;
}

static mn_status start(minatod *d, mn_err *err) {
        unsigned min_version = parse_min_version(d->config.min_api_version);
        if (!min_version)
                return mn_fail(err, MN_INVALID, "invalid min-api-version: %s", d->config.min_api_version);
        mn_status s = engine_open(&d->config, d->loop, &d->engine, err);
        if (s != MN_OK)
                return s;
        d->api = api_server_new(&(api_spec){
                .loop = d->loop,
                .engine = engine_api(d->engine),
                .min_version = min_version,
                .allowed_names = d->config.api_names,
        });
        return listen_all(d, err);
}

static mn_status run(minatod *d, mn_err *err) {
        int64_t started_ns = mn_monotonic_ns();
        mn_status s = watch_signals(d, err);
        if (s == MN_OK)
                s = daemon_lock(d->config.data_root, d->config.exec_root, d->config.pidfile, &d->locks, err);
        if (s != MN_OK)
                return s;
        s = start(d, err);
        if (s == MN_OK) {
                mn_log(MN_LOG_INFO, "daemon has completed initialization", " version=%s milliseconds=%lld",
                       MINATO_VERSION, (long long) ((mn_monotonic_ns() - started_ns) / MN_NS_PER_MS));
                notify_ready();
                int r = loop_run(d->loop);
                if (r < 0)
                        s = mn_fail_errno(err, r, "the event loop failed");
        }
        api_server_free(d->api);
        engine_close(d->engine);
        daemon_unlock(&d->locks);
        return s;
}

static int print_and_exit(const daemon_config *c) {
        cleanup_str mn_str text = { 0 };
        if (c->prints_help)
                daemon_config_help(&text);
        else if (c->prints_version)
                mn_str_add(&text, "Minato version " MINATO_VERSION "\n");
        else if (c->prints_openapi)
                api_print_openapi(&text);
        else if (c->prints_compatibility)
                api_print_compatibility(&text);
        else if (c->prints_manual)
                daemon_config_manual(&text);
        else
                mn_str_add(&text, "configuration OK\n");
        return mn_write_all(STDOUT_FILENO, mn_str_text(&text), text.len) < 0;
}

int main(int argc, char **argv) {
        cleanup_err mn_err err = { 0 };
        cleanup_arena mn_arena *arena = mn_arena_new();
        minatod d = { .argc = argc, .argv = argv, .arena = arena };
        if (daemon_config_read(argc, argv, arena, &d.config, &err) != MN_OK) {
                fprintf(stderr, "%s\n", mn_err_text(&err));
                return EXIT_FAILED;
        }
        if (d.config.prints_help || d.config.prints_version || d.config.prints_openapi ||
            d.config.prints_compatibility || d.config.prints_manual || d.config.validate)
                return print_and_exit(&d.config);
        apply_log(&d.config);
        process_prepare();
        for (char **w = d.config.warnings; w && *w; w++)
                mn_log(MN_LOG_WARN, "configuration", " warning=\"%s\"", *w);
        mn_status s = run(&d, &err);
        if (d.stop_timer)
                loop_timer_remove(d.stop_timer);
        loop_free(d.loop);
        if (s == MN_OK)
                return 0;
        mn_log(MN_LOG_FATAL, "minatod ends", " error=\"%s\"", mn_err_text(&err));
        return EXIT_FAILED;
}
