/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Checks an image against the policy before anything of it is stored. Works offline but for the registry
 * itself, and fails closed: no answer, no signature, nothing understood, is a refusal.
 */

#include "image/policy.h"
#include "image/policy_signer.h"
#include "image/registry_session.h"

enum { POLICY_SIGNATURES_MAX = 64 };

typedef struct policy_check_spec {
        registry_session *session;
        registry_http *http;
        size_t endpoint;
        const mn_reference *reference; /* as the user pulls it */
        const char *
                digests[2]; /* of the top document and, when that is an index, of the manifest chosen; NULL */
        bool is_verified;   /* demand a signature whatever the policy says */
} policy_check_spec;

/* MN_OK when the image may be pulled; `*ret_signers` (in the arena) then says who signed it, one for each
   requirement of a signature. MN_FORBIDDEN with the reason otherwise. */
mn_status policy_check(const policy_check_spec *spec, mn_arena *arena, policy_signer_list *ret_signers,
                       mn_err *err) MN_MUST_USE;
