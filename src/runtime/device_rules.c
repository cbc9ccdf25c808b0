/* SPDX-License-Identifier: Apache-2.0 */
/* The device controller: lists on v1, a BPF program on v2. Both decide the same way: the last rule that fits
   wins, and what no rule fits is denied. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/device_rules.h"
#include "runtime/resources.h"
#include "sys/fd.h"

enum { ACCESS_ALL = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };

/* Nodes may be made but not used; the nodes of rootfs_devices.c, the terminals and the tun device may be
 * used. */
static const device_rule default_rules[] = {
        { true, BPF_DEVCG_DEV_CHAR, DEVICE_ANY, DEVICE_ANY, BPF_DEVCG_ACC_MKNOD },
        { true, BPF_DEVCG_DEV_BLOCK, DEVICE_ANY, DEVICE_ANY, BPF_DEVCG_ACC_MKNOD },
        { true, BPF_DEVCG_DEV_CHAR, 1, 3, ACCESS_ALL },
        { true, BPF_DEVCG_DEV_CHAR, 1, 5, ACCESS_ALL },
        { true, BPF_DEVCG_DEV_CHAR, 1, 7, ACCESS_ALL },
        { true, BPF_DEVCG_DEV_CHAR, 1, 8, ACCESS_ALL },
        { true, BPF_DEVCG_DEV_CHAR, 1, 9, ACCESS_ALL },
        { true, BPF_DEVCG_DEV_CHAR, 5, 0, ACCESS_ALL },
        { true, BPF_DEVCG_DEV_CHAR, 5, 2, ACCESS_ALL },
        { true, BPF_DEVCG_DEV_CHAR, 136, DEVICE_ANY, ACCESS_ALL },
        { true, BPF_DEVCG_DEV_CHAR, 10, 200, ACCESS_ALL },
};

static mn_status parse_rule(const oci_device_rule *from, size_t index, device_rule *ret, mn_err *err) {
        const char *type = from->type && *from->type ? from->type : "a";
        *ret = (device_rule){ .is_allowed = from->allow,
                              .major = from->major ? *from->major : DEVICE_ANY,
                              .minor = from->minor ? *from->minor : DEVICE_ANY };
        if (strcmp(type, "a") != 0 && strcmp(type, "b") != 0 && strcmp(type, "c") != 0)
                return mn_fail(err, MN_INVALID, "linux.resources.devices[%zu].type: unknown type \"%s\"",
                               index, type);
        if (ret->major < DEVICE_ANY || ret->minor < DEVICE_ANY || ret->major > UINT32_MAX ||
            ret->minor > UINT32_MAX)
                return mn_fail(err, MN_INVALID, "linux.resources.devices[%zu]: number out of range", index);
        ret->type = *type == 'b' ? BPF_DEVCG_DEV_BLOCK : *type == 'c' ? BPF_DEVCG_DEV_CHAR : DEVICE_ANY_TYPE;
        for (const char *s = from->access && *from->access ? from->access : "rwm"; *s; s++) {
                int bit = *s == 'r'   ? BPF_DEVCG_ACC_READ
                          : *s == 'w' ? BPF_DEVCG_ACC_WRITE
                          : *s == 'm' ? BPF_DEVCG_ACC_MKNOD
                                      : 0;
                if (!bit)
                        return mn_fail(err, MN_INVALID,
                                       "linux.resources.devices[%zu].access: \"%s\" is not of \"rwm\"", index,
                                       from->access);
                ret->access |= bit;
        }
        return MN_OK;
}

static bool is_everything(const device_rule *r) {
        return r->type == DEVICE_ANY_TYPE && r->major == DEVICE_ANY && r->minor == DEVICE_ANY &&
               r->access == ACCESS_ALL;
}

static bool is_same(const device_rule *a, const device_rule *b) {
        return a->is_allowed == b->is_allowed && a->type == b->type && a->major == b->major &&
               a->minor == b->minor && a->access == b->access;
}

/* A rule about everything makes those before it meaningless. */
mn_status device_rules_collect(const oci_resources *res, device_rule_list *rules, bool *ret_default,
                               mn_err *err) {
        *ret_default = false;
        for (size_t i = 0; res && i < res->devices.len; i++) {
                device_rule r;
                mn_status st = parse_rule(&res->devices.items[i], i, &r, err);
                if (st)
                        return st;
                if (is_everything(&r)) {
                        rules->len = 0;
                        *ret_default = r.is_allowed;
                } else {
                        mn_vec_push(rules, r);
                }
        }
        for (size_t i = 0; !*ret_default && i < MN_ARRAY_LEN(default_rules); i++) {
                bool is_there = false;
                for (size_t k = 0; k < rules->len && !is_there; k++)
                        is_there = is_same(&rules->items[k], &default_rules[i]);
                if (!is_there)
                        mn_vec_push(rules, default_rules[i]);
        }
        return MN_OK;
}

/* ---- v1 ---- */

static void format_number(char buf[16], int64_t n) {
        if (n == DEVICE_ANY)
                memcpy(buf, "*", 2);
        else
                snprintf(buf, 16, "%lld", (long long) n);
}

static int write_rule_v1(int allow_fd, int deny_fd, const device_rule *r) {
        char line[64], major[16], minor[16];
        format_number(major, r->major);
        format_number(minor, r->minor);
        const char types[] = {
                [DEVICE_ANY_TYPE] = 'a', [BPF_DEVCG_DEV_BLOCK] = 'b', [BPF_DEVCG_DEV_CHAR] = 'c'
        };
        int len = snprintf(line, sizeof(line), "%c %s:%s %s%s%s", types[r->type], major, minor,
                           r->access & BPF_DEVCG_ACC_READ ? "r" : "",
                           r->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
                           r->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
        return write(r->is_allowed ? allow_fd : deny_fd, line, (size_t) len) < 0 ? -errno : 0;
}

static int apply_v1(int dir, const device_rule_list *rules, bool is_default_allowed) {
        cleanup_close int allow = openat(dir, "devices.allow", O_WRONLY | O_CLOEXEC);
        cleanup_close int deny = openat(dir, "devices.deny", O_WRONLY | O_CLOEXEC);
        if (allow < 0 || deny < 0 || write(is_default_allowed ? allow : deny, "a", 1) < 0)
                return -errno;
        for (size_t i = 0; i < rules->len; i++) {
                int r = write_rule_v1(allow, deny, &rules->items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- v2 ---- */

typedef MN_VEC(struct bpf_insn) bpf_program;

static void emit(bpf_program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
        struct bpf_insn insn = {
                .code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm
        };
        mn_vec_push(p, insn);
}

/* r2: type, r3: access, r4: major, r5: minor. */
static void emit_rule(bpf_program *p, const device_rule *r) {
        bool has_type = r->type != DEVICE_ANY_TYPE, has_access = r->access != ACCESS_ALL;
        /* Instructions of this rule behind each test, where a test that fails jumps over them. */
        int left = (has_type ? 1 : 0) + (has_access ? 3 : 0) + (r->major != DEVICE_ANY) +
                   (r->minor != DEVICE_ANY) + 2;
        if (has_type)
                emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, (int16_t) (left -= 1), r->type);
        if (has_access) {
                emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
                emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, r->access);
                emit(p, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_3, (int16_t) (left -= 3), 0);
        }
        if (r->major != DEVICE_ANY)
                emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, (int16_t) (left -= 1), (int32_t) r->major);
        if (r->minor != DEVICE_ANY)
                emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, (int16_t) (left -= 1), (int32_t) r->minor);
        emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, r->is_allowed);
        emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int bpf_call(int command, union bpf_attr *attr) {
        long r = syscall(SYS_bpf, command, attr, sizeof(*attr));
        return r < 0 ? -errno : (int) r;
}

static int load_program(const device_rule_list *rules, bool is_default_allowed) {
        bpf_program p = { 0 };
        emit(&p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_2, BPF_REG_1, 0, 0);
        emit(&p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
        emit(&p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_3, BPF_REG_1, 0, 0);
        emit(&p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
        emit(&p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_4, BPF_REG_1, 4, 0);
        emit(&p, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_5, BPF_REG_1, 8, 0);
        for (size_t i = rules->len; i-- > 0;)
                emit_rule(&p, &rules->items[i]);
        emit(&p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, is_default_allowed);
        emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        static const char license[] = "Apache-2.0";
        union bpf_attr attr = {
                .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
                .insns = (uint64_t) (uintptr_t) p.items,
                .insn_cnt = (uint32_t) p.len,
                .license = (uint64_t) (uintptr_t) license,
        };
        int fd = bpf_call(BPF_PROG_LOAD, &attr);
        mn_vec_release(&p);
        return fd;
}

/* The id of the program that is attached to the cgroup itself, as a descriptor; -ENOENT when there is none.
 */
static int attached_program(int cgroup_fd) {
        uint32_t ids[8];
        union bpf_attr attr = { .query = { .target_fd = (uint32_t) cgroup_fd,
                                           .attach_type = BPF_CGROUP_DEVICE,
                                           .prog_ids = (uint64_t) (uintptr_t) ids,
                                           .prog_cnt = MN_ARRAY_LEN(ids) } };
        int r = bpf_call(BPF_PROG_QUERY, &attr);
        if (r < 0 || attr.query.prog_cnt == 0)
                return r < 0 ? r : -ENOENT;
        union bpf_attr get = { .prog_id = ids[0] };
        return bpf_call(BPF_PROG_GET_FD_BY_ID, &get);
}

static int apply_v2(int cgroup_fd, const device_rule_list *rules, bool is_default_allowed) {
        cleanup_close int program = load_program(rules, is_default_allowed);
        if (program < 0)
                return program;
        cleanup_close int old = attached_program(cgroup_fd);
        union bpf_attr attr = {
                .target_fd = (uint32_t) cgroup_fd,
                .attach_bpf_fd = (uint32_t) program,
                .attach_type = BPF_CGROUP_DEVICE,
                .attach_flags = BPF_F_ALLOW_MULTI | (old >= 0 ? BPF_F_REPLACE : 0),
                .replace_bpf_fd = old >= 0 ? (uint32_t) old : 0,
        };
        int r = bpf_call(BPF_PROG_ATTACH, &attr);
        return r < 0 ? r : 0;
}

mn_status resources_apply_devices(const mn_cgroup *cg, const oci_resources *res, mn_err *err) {
        device_rule_list rules = { 0 };
        bool is_default_allowed;
        mn_status st = device_rules_collect(res, &rules, &is_default_allowed, err);
        int dir = mn_cgroup_fd(cg, MN_CG_DEVICES), r = 0;
        bool is_v2 = dir < 0 || mn_cgroup_is_v2(cg, MN_CG_DEVICES);
        if (dir < 0)
                dir = mn_cgroup_fd(cg, MN_CG_UNIFIED);
        if (st == MN_OK && !(is_default_allowed && rules.len == 0)) {
                r = dir < 0 ? -EOPNOTSUPP
                    : is_v2 ? apply_v2(dir, &rules, is_default_allowed)
                            : apply_v1(dir, &rules, is_default_allowed);
                if (r < 0)
                        st = mn_fail_errno(err, r, "linux.resources.devices");
        }
        mn_vec_release(&rules);
        return st;
}
