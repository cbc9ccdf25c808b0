/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Tables of image_spec.c for image_decode.c; everybody else decodes through oci/image_spec.h, which checks.
 */

#include "codec/json.h"

extern const mn_type oci_manifest_type, oci_index_type; /* oci_document */
extern const mn_type oci_image_type;                    /* oci_image */
extern const mn_type oci_archive_list_type;             /* oci_archive_list */
