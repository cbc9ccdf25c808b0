/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whose images may be pulled: the policy.json of the containers projects. For each scope a list of
 * requirements all of which must hold; the most specific scope counts. What is not understood refuses: an
 * unknown type or member, a key that cannot be read, a kind of signature that is not built.
 */

#include "base/arena.h"
#include "codec/json.h"
#include "codec/reference.h"

typedef enum policy_kind {
        POLICY_ACCEPT,      /* insecureAcceptAnything */
        POLICY_REJECT,      /* reject */
        POLICY_SIGSTORE,    /* sigstoreSigned, with fixed public keys */
        POLICY_UNSUPPORTED, /* signedBy (GPG), keyless sigstore: refuses */
} policy_kind;

/* Which name a signature must have been made for. */
typedef enum policy_identity {
        POLICY_MATCH_REPO_DIGEST_OR_EXACT, /* the default: the same reference; by digest the same repository
                                            */
        POLICY_MATCH_EXACT,
        POLICY_MATCH_REPOSITORY,
        POLICY_EXACT_REFERENCE,  /* `identity` */
        POLICY_EXACT_REPOSITORY, /* `identity` */
        POLICY_REMAP,            /* the repository after replacing `prefix` by `identity` */
        POLICY_MATCH_DIGEST,     /* our addition: any name, as cosign itself does it */
} policy_identity;

typedef struct policy_requirement {
        policy_kind kind;
        const char *type; /* as written, for messages */
        char **key_paths; /* files; one of all keys must have signed */
        char **key_data;  /* base64 of PEM */
        policy_identity matches;
        const char *identity;
        const char *prefix;
} policy_requirement;

typedef struct policy_requirements {
        const char *scope; /* for messages: "docker.io/library", "default" */
        policy_requirement *items;
        size_t len;
} policy_requirements;

/* Reads the policy and finds what holds for the reference. Everything goes to the arena. MN_INVALID names
 * what is wrong. */
mn_status policy_read(const char *text, size_t len, const mn_reference *reference, mn_arena *arena,
                      policy_requirements *ret, mn_err *err) MN_MUST_USE;

/* True when a signature made for `signed_for` ("" when it names nothing) satisfies the requirement for an
   image pulled as `reference`. */
bool policy_identity_holds(const policy_requirement *requirement, const mn_reference *reference,
                           const char *signed_for);
