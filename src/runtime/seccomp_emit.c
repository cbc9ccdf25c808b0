/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_emit.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

enum { MAX_JUMP = 255, MAX_EXCEPTIONS = 2 };

static size_t put(seccomp_emitter *e, uint16_t code, uint32_t k, size_t jump_true, size_t jump_false) {
        e->len++;
        if (e->len <= SECCOMP_MAX_PROGRAM)
                e->code[SECCOMP_MAX_PROGRAM - e->len] = (struct sock_filter){ code, (uint8_t) jump_true,
                                                                              (uint8_t) jump_false, k };
        return e->len;
}

static const struct sock_filter *at(const seccomp_emitter *e, size_t place) {
        return place <= SECCOMP_MAX_PROGRAM ? &e->code[SECCOMP_MAX_PROGRAM - place] : NULL;
}

/* Instructions that the next one would jump over to get there. */
static size_t distance(const seccomp_emitter *e, size_t place) {
        return e->len - place;
}

/* A place within reach of a conditional jump, also when two more instructions come between: a copy of the end
   that is there, or a jump to it. */
static size_t within_reach(seccomp_emitter *e, size_t place) {
        if (distance(e, place) <= MAX_JUMP - 2)
                return place;
        const struct sock_filter *target = at(e, place);
        if (target && BPF_CLASS(target->code) == BPF_RET)
                return seccomp_emit_return(e, target->k);
        return put(e, BPF_JMP | BPF_JA, (uint32_t) distance(e, place), 0, 0);
}

size_t seccomp_emit_return(seccomp_emitter *e, uint32_t action) {
        size_t i = 0;
        while (i < e->return_count && e->returns[i].action != action)
                i++;
        if (i < e->return_count && distance(e, e->returns[i].at) <= MAX_JUMP - 2)
                return e->returns[i].at;
        size_t place = put(e, BPF_RET | BPF_K, action, 0, 0);
        if (i == e->return_count && e->return_count < SECCOMP_MAX_RETURNS)
                e->return_count++;
        if (i < e->return_count) {
                e->returns[i].action = action;
                e->returns[i].at = place;
        }
        return place;
}

size_t seccomp_emit_load(seccomp_emitter *e, size_t offset) {
        return put(e, BPF_LD | BPF_W | BPF_ABS, (uint32_t) offset, 0, 0);
}

size_t seccomp_emit_jump(seccomp_emitter *e, uint16_t op, uint32_t k, size_t yes, size_t no) {
        yes = within_reach(e, yes);
        no = within_reach(e, no);
        return put(e, (uint16_t) (BPF_JMP | op | BPF_K), k, distance(e, yes), distance(e, no));
}

/* ---- conditions: arguments are 64 bits wide and compared in halves ---- */

static size_t low_of(const seccomp_condition *c) {
        return offsetof(struct seccomp_data, args) + 8 * c->index;
}

static uint32_t high(uint64_t value) {
        return (uint32_t) (value >> 32);
}

/* Both halves equal. A load falls through to what was written just before it. */
static size_t emit_equal(seccomp_emitter *e, const seccomp_condition *c, size_t yes, size_t no) {
        seccomp_emit_jump(e, BPF_JEQ, (uint32_t) c->value, yes, no);
        size_t low = seccomp_emit_load(e, low_of(c));
        seccomp_emit_jump(e, BPF_JEQ, high(c->value), low, no);
        return seccomp_emit_load(e, low_of(c) + 4);
}

/* The high halves decide unless they are equal; `op` is for the low ones. */
static size_t emit_greater(seccomp_emitter *e, const seccomp_condition *c, uint16_t op, size_t yes,
                           size_t no) {
        seccomp_emit_jump(e, op, (uint32_t) c->value, yes, no);
        size_t low = seccomp_emit_load(e, low_of(c));
        size_t equal = seccomp_emit_jump(e, BPF_JEQ, high(c->value), low, no);
        seccomp_emit_jump(e, BPF_JGT, high(c->value), yes, equal);
        return seccomp_emit_load(e, low_of(c) + 4);
}

static size_t emit_masked_half(seccomp_emitter *e, size_t offset, uint32_t mask, uint32_t value,
                               const size_t to[2]) {
        if (mask == 0)
                return value == 0 ? to[0] : to[1];
        seccomp_emit_jump(e, BPF_JEQ, value, to[0], to[1]);
        put(e, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
        return seccomp_emit_load(e, offset);
}

static size_t emit_masked(seccomp_emitter *e, const seccomp_condition *c, size_t yes, size_t no) {
        size_t low = emit_masked_half(e, low_of(c), (uint32_t) c->value, (uint32_t) c->value_two,
                                      (const size_t[]){ yes, no });
        return emit_masked_half(e, low_of(c) + 4, high(c->value), high(c->value_two),
                                (const size_t[]){ low, no });
}

static size_t emit_condition(seccomp_emitter *e, const seccomp_condition *c, size_t yes, size_t no) {
        switch (c->op) {
        case OP_EQ:
                return emit_equal(e, c, yes, no);
        case OP_NE:
                return emit_equal(e, c, no, yes);
        case OP_GT:
                return emit_greater(e, c, BPF_JGT, yes, no);
        case OP_GE:
                return emit_greater(e, c, BPF_JGE, yes, no);
        case OP_LE:
                return emit_greater(e, c, BPF_JGT, no, yes);
        case OP_LT:
                return emit_greater(e, c, BPF_JGE, no, yes);
        case OP_MASKED_EQ:
                return emit_masked(e, c, yes, no);
        case OP_COUNT:
                break;
        }
        return no;
}

/* ---- cases ---- */

static size_t emit_case(seccomp_emitter *e, const seccomp_case *one, size_t next) {
        size_t place = seccomp_emit_return(e, one->action);
        for (size_t i = one->len; i-- > 0;)
                place = emit_condition(e, &one->conditions[i], place, next);
        return place;
}

/* One of several values of one argument: its halves are loaded once for all of them. */
static bool is_alike(const seccomp_case *a, const seccomp_case *b) {
        return a->len == 1 && b->len == 1 && a->action == b->action && a->conditions->op == OP_EQ &&
               b->conditions->op == OP_EQ && a->conditions->index == b->conditions->index &&
               high(a->conditions->value) == high(b->conditions->value);
}

static size_t emit_values(seccomp_emitter *e, const seccomp_case *const *run, size_t len, size_t next) {
        const seccomp_condition *first = run[0]->conditions;
        size_t yes = seccomp_emit_return(e, run[0]->action), place = next;
        for (size_t i = len; i-- > 0;)
                place = seccomp_emit_jump(e, BPF_JEQ, (uint32_t) run[i]->conditions->value, yes, place);
        place = seccomp_emit_load(e, low_of(first));
        seccomp_emit_jump(e, BPF_JEQ, high(first->value), place, next);
        return seccomp_emit_load(e, low_of(first) + 4);
}

static size_t emit_cases(seccomp_emitter *e, const seccomp_range *range) {
        size_t len = 0;
        for (const seccomp_case *one = range->cases; one; one = one->next)
                len++;
        const seccomp_case **list = mn_arena_array(e->arena, len, sizeof(seccomp_case *));
        size_t i = 0;
        for (const seccomp_case *one = range->cases; one; one = one->next)
                list[i++] = one;
        size_t place = seccomp_emit_return(e, range->action);
        while (i > 0) {
                size_t first = --i;
                while (first > 0 && is_alike(list[first - 1], list[first]))
                        first--;
                place = first < i ? emit_values(e, &list[first], i - first + 1, place)
                                  : emit_case(e, list[i], place);
                i = first;
        }
        return place;
}

static bool same_conditions(const seccomp_case *a, const seccomp_case *b) {
        for (size_t i = 0; i < a->len; i++) {
                const seccomp_condition *x = &a->conditions[i], *y = &b->conditions[i];
                if (x->index != y->index || x->op != y->op || x->value != y->value ||
                    x->value_two != y->value_two)
                        return false;
        }
        return true;
}

static bool same_range(const seccomp_range *a, const seccomp_range *b) {
        const seccomp_case *x = a->cases, *y = b->cases;
        if (a->action != b->action)
                return false;
        for (; x && y; x = x->next, y = y->next)
                if (x->action != y->action || x->len != y->len || !same_conditions(x, y))
                        return false;
        return !x && !y;
}

/* What becomes of a number of this range; equal cases, also of another architecture, are written once. */
static size_t emit_outcome(seccomp_emitter *e, const seccomp_range *range) {
        if (!range->cases)
                return seccomp_emit_return(e, range->action);
        for (size_t i = 0; i < e->block_count; i++)
                if (same_range(e->blocks[i].range, range))
                        return e->blocks[i].at;
        size_t place = emit_cases(e, range);
        if (e->block_count < SECCOMP_MAX_BLOCKS) {
                e->blocks[e->block_count].range = range;
                e->blocks[e->block_count++].at = place;
        }
        return place;
}

/* ---- the tree ---- */

/* Neighbouring ranges of one outcome but for a few single numbers in between. */
struct group {
        size_t first, last, base;
};

static bool is_single(const seccomp_range *ranges, size_t count, size_t i) {
        return i + 1 < count && ranges[i + 1].start - ranges[i].start == 1;
}

static bool is_like(const seccomp_range *base, const seccomp_range *range) {
        return range == base || (!range->cases && !base->cases && range->action == base->action);
}

static bool fits(const seccomp_range *ranges, size_t count, const struct group *g) {
        size_t exceptions = 0;
        for (size_t i = g->first; i <= g->last; i++) {
                bool is_base = is_like(&ranges[g->base], &ranges[i]);
                if (!is_base && (!is_single(ranges, count, i) || ++exceptions > MAX_EXCEPTIONS))
                        return false;
        }
        return true;
}

/* The longest group from `first` on; the one of the first two ranges that reaches farther is its base. */
static struct group group_from(const seccomp_range *ranges, size_t count, size_t first) {
        struct group best = { first, first, first };
        for (size_t base = first; base < count && base <= first + 1; base++) {
                struct group g = { first, MN_MAX(first, base), base };
                while (fits(ranges, count, &g)) {
                        if (g.last >= best.last)
                                best = g;
                        if (++g.last == count)
                                break;
                }
        }
        return best;
}

static size_t emit_group(seccomp_emitter *e, const seccomp_range *ranges, const struct group *g) {
        const seccomp_range *base = &ranges[g->base];
        size_t place = emit_outcome(e, base);
        for (size_t i = g->last + 1; i-- > g->first;)
                if (!is_like(base, &ranges[i]))
                        place = seccomp_emit_jump(e, BPF_JEQ, ranges[i].start, emit_outcome(e, &ranges[i]),
                                                  place);
        return place;
}

static size_t emit_groups(seccomp_emitter *e, const seccomp_range *ranges, const struct group *groups,
                          size_t len) {
        if (len == 1)
                return emit_group(e, ranges, groups);
        size_t middle = len / 2;
        size_t right = emit_groups(e, ranges, groups + middle, len - middle);
        size_t left = emit_groups(e, ranges, groups, middle);
        return seccomp_emit_jump(e, BPF_JGE, ranges[groups[middle].first].start, right, left);
}

size_t seccomp_emit_tree(seccomp_emitter *e, const seccomp_range *ranges, size_t count) {
        struct group *groups = mn_arena_array(e->arena, count, sizeof(*groups));
        size_t len = 0;
        for (size_t first = 0; first < count; first = groups[len++].last + 1)
                groups[len] = group_from(ranges, count, first);
        return emit_groups(e, ranges, groups, len);
}
