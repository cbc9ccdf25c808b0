/* SPDX-License-Identifier: Apache-2.0 */
#include "image/policy_verify.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/vec.h"
#include "codec/base64.h"
#include "image/cosign.h"
#include "image/registry_manifest.h"
#include "image/signature.h"
#include "sys/file.h"

#define SIGNER(member) offsetof(policy_signer, member)
static const mn_field signer_fields[] = {
        { "Name", &mn_type_str, SIGNER(name) },
        { "SignatureType", &mn_type_str, SIGNER(type), MN_OMIT_EMPTY },
        { 0 },
};
static const mn_type signer_type = MN_STRUCT(policy_signer, signer_fields);
const mn_type policy_signer_list_type = MN_LIST_OF(&signer_type);

enum { POLICY_FILE_MAX = 1 << 20, KEY_FILE_MAX = 64 << 10 };

typedef MN_VEC(signature_key *) key_vec;

static void free_keys(key_vec *keys) {
        for (size_t i = 0; i < keys->len; i++)
                signature_key_free(keys->items[i]);
        mn_vec_release(keys);
}

static mn_status add_key(key_vec *keys, const char *pem, size_t len, mn_err *err) {
        signature_key *key;
        mn_status status = signature_key_read(pem, len, &key, err);
        if (!status)
                mn_vec_push(keys, key);
        return status;
}

/* All keys of the requirement; one that cannot be read fails it. */
static mn_status read_keys(const policy_requirement *r, key_vec *keys, mn_err *err) {
        for (char **path = r->key_paths; *path; path++) {
                cleanup_free char *pem = NULL;
                size_t len;
                int rc = mn_file_read(AT_FDCWD, *path, KEY_FILE_MAX, &pem, &len);
                mn_status status = rc < 0 ? mn_fail_errno(err, rc, "cannot read it")
                                          : add_key(keys, pem, len, err);
                if (status)
                        return mn_err_prefix(err, MN_FORBIDDEN, "public key \"%s\"", *path);
        }
        for (char **data = r->key_data; *data; data++) {
                cleanup_str mn_str pem = MN_STR_INIT(KEY_FILE_MAX);
                if (mn_base64_decode(*data, strlen(*data), &pem) < 0)
                        return mn_fail(err, MN_FORBIDDEN, "public key in the policy: not base64");
                mn_status status = add_key(keys, mn_str_text(&pem), pem.len, err);
                if (status)
                        return mn_err_prefix(err, MN_FORBIDDEN, "public key in the policy");
        }
        return MN_OK;
}

/* ---- one requirement ---- */

/* Why signatures did not count, for the message when none does. */
struct tally {
        size_t nfound, nother_key, nother_image, nother_name;
};

static const signature_key *key_of(const key_vec *keys, const cosign_signature *s) {
        for (size_t i = 0; i < keys->len; i++)
                if (signature_is_valid(keys->items[i], s->signed_data, s->signed_len, s->signature,
                                       s->signature_len))
                        return keys->items[i];
        return NULL;
}

/* The key that signed this image under a name the requirement allows, or NULL. What a payload says is
   believed only after its signature was. */
static const signature_key *judge(const policy_check_spec *spec, const policy_requirement *r,
                                  const key_vec *keys, const cosign_signature *s, const char *digest,
                                  mn_arena *arena, struct tally *tally) {
        cosign_claim claim;
        tally->nfound++;
        const signature_key *key = key_of(keys, s);
        if (!key) {
                tally->nother_key++;
                return NULL;
        }
        if (cosign_read_claim(s, digest, arena, &claim, NULL) || strcmp(claim.digest, digest) != 0) {
                tally->nother_image++;
                return NULL;
        }
        if (policy_identity_holds(r, spec->reference, claim.reference))
                return key;
        tally->nother_name++;
        return NULL;
}

static mn_status fail_tally(const struct tally *t, mn_err *err) {
        if (!t->nfound)
                return mn_fail(err, MN_FORBIDDEN, "no signature was found");
        return mn_fail(
                err, MN_FORBIDDEN,
                "none of %zu signatures counts: %zu by other keys, %zu of other images, %zu for other names",
                t->nfound, t->nother_key, t->nother_image, t->nother_name);
}

/* There is room for one of each requirement. */
static void add_signer(policy_signer_list *signers, const signature_key *key, const cosign_signature *s,
                       mn_arena *arena) {
        signers->items[signers->len++] = (policy_signer){
                mn_arena_printf(arena, "key %s", signature_key_fingerprint(key)),
                mn_arena_strdup(arena, s->form == COSIGN_DSSE ? "bundle-v0.3" : "simplesigning-v1")
        };
}

static mn_status check_signed(const policy_check_spec *spec, const policy_requirement *r, const key_vec *keys,
                              mn_arena *arena, policy_signer_list *signers, mn_err *err) {
        struct tally tally = { 0 };
        for (size_t d = 0; d < MN_ARRAY_LEN(spec->digests) && spec->digests[d]; d++) {
                cosign_signature_list list = { 0 };
                mn_status status = cosign_fetch(spec->session, spec->http, spec->endpoint, spec->digests[d],
                                                POLICY_SIGNATURES_MAX, arena, &list, err);
                if (status)
                        return status;
                for (size_t i = 0; i < list.len; i++) {
                        const signature_key *key = judge(spec, r, keys, &list.items[i], spec->digests[d],
                                                         arena, &tally);
                        if (!key)
                                continue;
                        add_signer(signers, key, &list.items[i], arena);
                        return MN_OK;
                }
        }
        return fail_tally(&tally, err);
}

static mn_status check_requirement(const policy_check_spec *spec, const policy_requirement *r,
                                   mn_arena *arena, policy_signer_list *signers, mn_err *err) {
        key_vec keys = { 0 };
        mn_status status = MN_OK;
        switch (r->kind) {
        case POLICY_ACCEPT:
                break;
        case POLICY_REJECT:
                status = mn_fail(err, MN_FORBIDDEN, "images from here are rejected by policy");
                break;
        case POLICY_UNSUPPORTED:
                status = mn_fail(err, MN_FORBIDDEN,
                                 "requirement %s: GPG and keyless signatures cannot be verified: refused",
                                 r->type);
                break;
        case POLICY_SIGSTORE:
                status = read_keys(r, &keys, err);
                if (!status)
                        status = check_signed(spec, r, &keys, arena, signers, err);
                free_keys(&keys);
                break;
        }
        return status;
}

/* ---- the policy ---- */

static mn_status find_requirements(const policy_check_spec *spec, mn_arena *arena, policy_requirements *ret,
                                   mn_err *err) {
        static policy_requirement accept_all = { .kind = POLICY_ACCEPT, .type = "insecureAcceptAnything" };
        const char *file = registry_settings(registry_session_registry(spec->session))->policy_file;
        cleanup_free char *text = NULL;
        size_t len;
        if (!file) {
                *ret = (policy_requirements){ "default", &accept_all, 1 };
                return MN_OK;
        }
        int r = mn_file_read(AT_FDCWD, file, POLICY_FILE_MAX, &text, &len);
        if (r < 0)
                return mn_fail_errno(err, r, "cannot read the policy \"%s\"", file);
        mn_status status = policy_read(text, len, spec->reference, arena, ret, err);
        return status ? mn_err_prefix(err, status, "policy \"%s\"", file) : MN_OK;
}

mn_status policy_check(const policy_check_spec *spec, mn_arena *arena, policy_signer_list *ret_signers,
                       mn_err *err) {
        char name[MN_REFERENCE_TEXT_SIZE];
        policy_requirements requirements;
        policy_signer_list signers = { 0 };
        mn_reference_familiar(spec->reference, name);
        mn_status status = find_requirements(spec, arena, &requirements, err);
        bool has_key = false;
        if (!status)
                signers.items = mn_arena_array(arena, requirements.len + 1, sizeof(*signers.items));
        for (size_t i = 0; !status && i < requirements.len; i++) {
                has_key = has_key || requirements.items[i].kind == POLICY_SIGSTORE;
                status = check_requirement(spec, &requirements.items[i], arena, &signers, err);
        }
        if (!status && spec->is_verified && !has_key)
                status = mn_fail(err, MN_FORBIDDEN, "the policy names no public key for it");
        if (status)
                return mn_err_prefix(err, MN_FORBIDDEN, "image %s cannot be verified", name);
        *ret_signers = signers;
        return MN_OK;
}
