/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON: a strict reader (RFC 8259) into an arena, and one description per C type that decodes it, encodes it
 * and names the path of a wrong value. Numbers keep their text until a field says what they are, so 64-bit
 * integers of either sign are exact. Reading is iterative; depth, size and duplicate keys are checked.
 *
 *     struct port { char *ip; uint16_t number; };
 *     static const mn_field port_fields[] = {
 *             { "IP", &mn_type_str, offsetof(struct port, ip), MN_OMIT_EMPTY },
 *             { "Port", &mn_type_u16, offsetof(struct port, number) },
 *             { 0 },
 *     };
 *     const mn_type port_type = MN_STRUCT(struct port, port_fields);
 *     const mn_type port_list_type = MN_LIST_OF(&port_type);      // stored as MN_LIST(struct port)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* ---- values ---- */

typedef enum mn_json_kind {
        MN_JSON_NULL,
        MN_JSON_BOOL,
        MN_JSON_NUMBER,
        MN_JSON_STRING,
        MN_JSON_ARRAY,
        MN_JSON_OBJECT,
} mn_json_kind;

/* One value of a parsed document; lives in the arena it was parsed into. */
typedef struct mn_json {
        mn_json_kind kind;
        bool boolean;
        const char *key;       /* name in the object that holds it, else NULL */
        const char *text;      /* string (UTF-8, NUL-terminated, no NUL inside) or the number's text */
        size_t len;            /* bytes of text, or number of children */
        struct mn_json *child; /* first member or element */
        struct mn_json *next;  /* next sibling */
} mn_json;

typedef struct mn_json_limits {
        size_t max_depth;           /* 0: 128 */
        bool allows_duplicate_keys; /* the last one wins, as Go has it; else an error */
} mn_json_limits;

/* Parses one document (white space may surround it, nothing else). MN_INVALID with "invalid JSON at byte N:
   ...". `limits` may be NULL. */
mn_status mn_json_parse(mn_arena *arena, const char *text, size_t len, const mn_json_limits *limits,
                        const mn_json **ret, mn_err *err) MN_MUST_USE;

/* Member of an object, or NULL (also for NULL or another kind). The exact name wins over one that differs in
 * case only. */
const mn_json *mn_json_get(const mn_json *object, const char *key);

/* The text of a string member, or NULL. */
const char *mn_json_get_str(const mn_json *object, const char *key);

/* Appends a value as compact JSON. */
void mn_json_write(const mn_json *value, mn_str *out);

/* Appends a quoted, escaped string; invalid UTF-8 becomes U+FFFD. mn_json_add_str takes NULL as "". */
void mn_json_add_bytes(mn_str *out, const char *bytes, size_t len);
void mn_json_add_str(mn_str *out, const char *text);

/* Name of a kind for messages: "null", "bool", "number", "string", "array", "object". */
const char *mn_json_kind_name(mn_json_kind kind);

/* ---- types ---- */

typedef enum mn_type_kind {
        MN_T_BOOL,   /* bool */
        MN_T_I32,    /* int32_t (int) */
        MN_T_I64,    /* int64_t */
        MN_T_U16,    /* uint16_t */
        MN_T_U32,    /* uint32_t */
        MN_T_U64,    /* uint64_t */
        MN_T_DOUBLE, /* double */
        MN_T_STR,    /* char *; NULL encodes as "" */
        MN_T_TIME,   /* int64_t nanoseconds since the epoch, RFC 3339 in JSON; 0 is Go's zero time */
        MN_T_STRV,   /* char **, NULL-terminated; NULL is nil */
        MN_T_SET,    /* char **, NULL-terminated; in JSON an object of empty objects */
        MN_T_RAW,    /* const mn_json *; NULL is null */
        MN_T_STRUCT, /* a struct with a field table */
        MN_T_PTR,    /* T *; NULL is null */
        MN_T_LIST,   /* MN_LIST(T) */
        MN_T_MAP,    /* MN_KEYED(T) */
} mn_type_kind;

typedef struct mn_type mn_type;
typedef struct mn_field mn_field;

struct mn_type {
        mn_type_kind kind;
        size_t size;            /* of the C object */
        const mn_field *fields; /* MN_T_STRUCT: ends with a zeroed entry */
        const mn_type *elem;    /* MN_T_PTR, MN_T_LIST, MN_T_MAP */
};

typedef enum mn_field_flags {
        MN_OMIT_EMPTY = 1 << 0,     /* not written when zero, NULL, "", empty list or map (Go's omitempty) */
        MN_REQUIRED = 1 << 1,       /* decoding fails when it is missing or null */
        MN_EMPTY_NOT_NULL = 1 << 2, /* a NULL list, map or strv is written as [] or {} and not as null */
        MN_STR_OR_LIST = 1 << 3,    /* MN_T_STRV: a lone string is taken as a list of one */
        MN_INLINE = 1 << 4,        /* MN_T_STRUCT: its fields stand in the parent's object (Go's embedding) */
        MN_NULL_IF_EMPTY = 1 << 5, /* an empty string is written as null */
} mn_field_flags;

struct mn_field {
        const char *name;
        const mn_type *type;
        size_t offset;
        unsigned flags;
        uint16_t since; /* first API version that has it, as 144 for v1.44; 0: always */
        uint16_t until; /* last API version that has it; 0: still */
};

#define MN_LIST(T)                                                                                           \
        struct {                                                                                             \
                T *items;                                                                                    \
                size_t len;                                                                                  \
        }
#define MN_KEYED(T)                                                                                          \
        struct {                                                                                             \
                struct {                                                                                     \
                        char *key;                                                                           \
                        T value;                                                                             \
                } * items;                                                                                   \
                size_t len;                                                                                  \
        }

/* The map of strings to strings is so common that it has a name. Same layout as MN_KEYED(char *). */
typedef struct mn_str_pair {
        char *key;
        char *value;
} mn_str_pair;
typedef struct mn_str_map {
        mn_str_pair *items;
        size_t len;
} mn_str_map;

#define MN_STRUCT(T, field_table)                                                                            \
        { .kind = MN_T_STRUCT, .size = sizeof(T), .fields = (field_table) }
#define MN_PTR_TO(type_ptr)                                                                                  \
        { .kind = MN_T_PTR, .size = sizeof(void *), .elem = (type_ptr) }
#define MN_LIST_OF(type_ptr)                                                                                 \
        { .kind = MN_T_LIST, .size = sizeof(MN_LIST(void)), .elem = (type_ptr) }
#define MN_MAP_OF(type_ptr)                                                                                  \
        { .kind = MN_T_MAP, .size = sizeof(MN_LIST(void)), .elem = (type_ptr) }

extern const mn_type mn_type_bool, mn_type_i32, mn_type_i64, mn_type_u16, mn_type_u32, mn_type_u64,
        mn_type_double, mn_type_str, mn_type_time, mn_type_strv, mn_type_set, mn_type_raw;
extern const mn_type mn_type_str_map; /* mn_str_map */
extern const mn_type mn_type_bool_ptr, mn_type_i64_ptr, mn_type_u64_ptr, mn_type_i32_ptr, mn_type_u32_ptr,
        mn_type_str_ptr; /* bool *, int64_t * ... char ** */

/* What a decoder does with members no field names: ignored as Docker does, or an error that names the path.
 */
typedef enum mn_unknown { MN_UNKNOWN_IGNORE, MN_UNKNOWN_REJECT } mn_unknown;

/* Fills `object` (zeroed first) from `value`; strings and arrays are allocated in `arena`. A JSON null leaves
   a field zero. MN_INVALID names the path: "HostConfig.PortBindings[0].HostPort: expected string, got
   number". */
mn_status mn_json_decode(const mn_type *type, const mn_json *value, mn_arena *arena, mn_unknown unknown,
                         void *object, mn_err *err) MN_MUST_USE;

/* mn_json_parse and mn_json_decode in one; duplicate keys are refused unless limits allow them. */
mn_status mn_json_decode_text(const mn_type *type, const char *text, size_t len, const mn_json_limits *limits,
                              mn_arena *arena, mn_unknown unknown, void *object, mn_err *err) MN_MUST_USE;

/* Appends `object` as compact JSON as API version `version` has it (0: all fields). Map keys come sorted. */
void mn_json_encode(const mn_type *type, const void *object, unsigned version, mn_str *out);

/* Deep copy through the type's table; strings and arrays go to `arena`. Raw values are shared, not copied. */
void mn_json_copy(const mn_type *type, const void *from, mn_arena *arena, void *to);

/* Value of `key` in a string map, or NULL. */
const char *mn_str_map_get(const mn_str_map *map, const char *key);

/* Sets `key` (both copied into the arena), replacing or appending. */
void mn_str_map_set(mn_str_map *map, mn_arena *arena, const char *key, const char *value);
