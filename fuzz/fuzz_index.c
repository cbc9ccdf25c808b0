/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes, attestations and the claims of signatures: what is read has valid digests, whoever wrote it. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "codec/reference.h"
#include "image/cosign.h"
#include "image/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char DIGEST[] = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void read_claims(const char *text, size_t size, mn_arena *arena) {
        for (int form = COSIGN_SIMPLE_SIGNING; form <= COSIGN_DSSE; form++) {
                cosign_signature s = { .form = (cosign_form) form, .payload = text, .payload_len = size };
                cosign_claim claim;
                if (cosign_read_claim(&s, DIGEST, arena, &claim, NULL))
                        continue;
                assert(mn_digest_text_is_valid(claim.digest) && claim.reference);
                assert(form == COSIGN_SIMPLE_SIGNING || strcmp(claim.digest, DIGEST) == 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        cleanup_arena mn_arena *arena = mn_arena_new();
        const char *text = (const char *) data, **blobs;
        struct index_entry *entries;
        image_platform host;
        size_t n;
        image_platform_host(&host);
        if (!image_index_parse(text, size, arena, &entries, &n, NULL))
                for (size_t i = 0; i < n; i++) {
                        assert(mn_digest_text_is_valid(entries[i].digest));
                        assert(image_index_fit(&entries[i], &host) == 0 || entries[i].kind == INDEX_IMAGE);
                        assert(!entries[i].subject || entries[i].kind == INDEX_ATTESTATION);
                }
        if (!image_attestation_blobs(DIGEST, text, size, arena, &blobs, &n, NULL))
                for (size_t i = 0; i < n; i++)
                        assert(mn_digest_text_is_valid(blobs[i]));
        read_claims(text, size, arena);
        return 0;
}
