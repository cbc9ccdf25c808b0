/* SPDX-License-Identifier: Apache-2.0 */
#include "network/thread.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "network/firewall.h"
#include "network/prepared.h"
#include "sys/conntrack.h"
#include "sys/fd.h"

/* Changes of the packet filter come in swarms; the table is looked at when they are over. */
#define CHECK_AFTER_MS 100

/* Namespaces are made ahead when no start asked for one for so long, and one after the other. */
#define REFILL_AFTER_MS 2

struct network_thread {
        network_manager *m;
        loop *loop;
        pthread_t thread;
        struct dns_forwarder *forwarder;
        int watch_fd;
        loop_io *watch_io;
        loop_timer *check_timer;
        loop_timer *refill_timer;
};

loop *network_thread_loop(struct network_thread *t) {
        return t->loop;
}

struct dns_forwarder *network_thread_forwarder(struct network_thread *t) {
        return t->forwarder;
}

/* ---- the watch ---- */

static void on_check(void *arg) {
        struct network_thread *t = arg;
        network_firewall_check(t->m);
}

static void on_change(void *arg, uint32_t events) {
        struct network_thread *t = arg;
        char buffer[8192];
        (void) events;
        while (recv(t->watch_fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
                ;
        if (!loop_timer_is_running(t->check_timer))
                loop_timer_set(t->check_timer, CHECK_AFTER_MS);
}

static void start_watch(struct network_thread *t) {
        int group = NFNLGRP_NFTABLES;
        t->watch_fd = mn_nl_open(NETLINK_NETFILTER);
        if (t->watch_fd >= 0 &&
            setsockopt(t->watch_fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0)
                t->watch_io = loop_io_add(t->loop, t->watch_fd, EPOLLIN, on_change, t);
        if (!t->watch_io)
                mn_log(MN_LOG_WARN, "the packet filter is not watched: a flush by others stays unnoticed",
                       " errno=%d", errno);
}

/* ---- making ahead ---- */

static void on_refill(void *arg) {
        struct network_thread *t = arg;
        if (network_prepared_refill(t->m))
                loop_timer_set(t->refill_timer, 1);
}

static void ask_refill(void *arg) {
        struct network_thread *t = arg;
        loop_timer_set(t->refill_timer, REFILL_AFTER_MS);
}

void network_thread_ask_refill(struct network_thread *t) {
        loop_post(t->loop, ask_refill, t);
}

/* ---- flows ---- */

struct flow_job {
        uint8_t family;
        uint16_t port;
};

static void forget_flow(void *arg) {
        struct flow_job *job = arg;
        int r = mn_conntrack_forget(job->family, IPPROTO_UDP, job->port);
        if (r < 0)
                mn_log(MN_LOG_DEBUG, "cannot forget flows", " port=%u error=\"%s\"", job->port,
                       mn_strerror(r));
        mn_freep(&job);
}

void network_thread_forget_flows(struct network_thread *t, const struct sandbox *s) {
        for (size_t i = 0; t && i < s->ports.len; i++) {
                const struct published_port *p = &s->ports.items[i];
                if (p->protocol != IPPROTO_UDP || p->is_direct)
                        continue;
                struct flow_job *job = mn_alloc(sizeof(*job));
                *job = (struct flow_job){ p->host.family, p->host_port };
                loop_post(t->loop, forget_flow, job);
        }
}

/* ---- the thread ---- */

static void *run(void *arg) {
        struct network_thread *t = arg;
        int r = loop_run(t->loop);
        if (r < 0)
                mn_log(MN_LOG_ERROR, "the network thread has ended", " error=\"%s\"", mn_strerror(r));
        return NULL;
}

mn_status network_thread_start(network_manager *m, mn_err *err) {
        struct network_thread *t = mn_alloc(sizeof(*t));
        t->m = m;
        t->watch_fd = -1;
        t->loop = loop_new();
        if (!t->loop) {
                mn_freep(&t);
                return mn_fail_errno(err, -errno, "network thread");
        }
        t->forwarder = dns_forwarder_new(m, t->loop);
        t->check_timer = loop_timer_add(t->loop, on_check, t);
        t->refill_timer = loop_timer_add(t->loop, on_refill, t);
        if (!m->options.no_prepared)
                loop_timer_set(t->refill_timer, REFILL_AFTER_MS);
        if (!m->options.no_firewall)
                start_watch(t);
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the main loop */
        int r = pthread_create(&t->thread, NULL, run, t);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r) {
                loop_free(t->loop);
                dns_forwarder_free(t->forwarder);
                mn_freep(&t);
                return mn_fail_errno(err, -r, "network thread");
        }
        m->thread = t;
        return MN_OK;
}

static void quit(void *arg) {
        loop_quit(arg);
}

void network_thread_stop(struct network_thread *t) {
        if (!t)
                return;
        loop_post(t->loop, quit, t->loop);
        pthread_join(t->thread, NULL);
        loop_timer_remove(t->check_timer);
        loop_timer_remove(t->refill_timer);
        loop_io_remove(t->watch_io);
        mn_close(t->watch_fd);
        loop_free(t->loop);
        dns_forwarder_free(t->forwarder);
        mn_freep(&t);
}
