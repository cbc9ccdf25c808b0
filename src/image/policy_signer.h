/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who signed an image, as a pull verified it: a SignatureIdentity of the API. */

#include "codec/json.h"

typedef struct policy_signer {
        char *name; /* "key sha256:<hex>": the fingerprint of the public key */
        char *type; /* "simplesigning-v1" or "bundle-v0.3" */
} policy_signer;
typedef MN_LIST(policy_signer) policy_signer_list;

extern const mn_type policy_signer_list_type;
