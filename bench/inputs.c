#include "bench.h"

#include "base/file.h"
#include "base/timestamp.h"
#include "cli/boot-folder.h"
#include "evidence/azureguest.h"
#include "reading/reading.h"
#include "support/support.h"

#include <stdlib.h>

#define BOOT "boots/a-secureboot-healthy"

/* Keep the quote of SHA-256 by the RSA key, and what belongs to it: one proof, as a guest sends. */
static void keep_one_quote(struct inputs *in)
{
    struct evidence *e = in->folder;
    struct tpm_public pub;

    e->n_quotes = 1;
    e->n_aks = 1;
    e->n_eks = 1;
    assert_string_equal(e->quotes[0].attest.where, "quote_rsa.attest");
    assert_string_equal(e->aks[0].public_area.where, "ak_rsa.pub");
    assert_string_equal(e->eks[0].certificate.where, "ek_rsa_cert.der");
    assert_ok(tpm2b_public_parse(e->aks[0].public_area.bytes, false, NULL, &pub));
    assert_ok(tpm_public_name(&pub, &in->folder_ak));
}

/* The data that the digest rules look at: what a verifier must hash at least. */
static void find_covered(struct inputs *in)
{
    in->covered = arena_calloc(in->arena, in->readings->n, sizeof(*in->covered));
    assert_non_null(in->covered);
    for (size_t i = 0; i < in->readings->n; i++) {
        const struct reading *r = &in->readings->items[i];

        if (r->role != ROLE_NONE && r->match == READING_MATCHES) {
            in->covered[in->n_covered++] = r->event->data;
            in->covered_bytes += r->event->data.len;
        }
    }
}

static struct span make_inner(struct inputs *in, struct arena *arena)
{
    const struct fabricate_request request = {
        .pcrs_sha256 = in->pcrs,
        .log = in->log,
        .pcr_mask = 0x7bff, /* all that the log speaks of */
        .clock_ms = in->clock_ms,
    };

    return fabricate_inner(arena, in->guest, &request);
}

struct inputs *inputs_make(void)
{
    struct arena *arena = test_arena();
    struct inputs *in = arena_calloc(arena, 1, sizeof(*in));
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    assert_non_null(in);
    in->arena = arena;
    in->now = timestamp_now();
    in->guest = fabricate_machine(arena, in->now);
    in->log = test_vector(arena, BOOT "/eventlog.bin");
    assert_ok(eventlog_read(arena, in->log, NULL, &in->parsed));
    assert_ok(readings_make(arena, in->parsed, hasher, &in->readings));
    find_covered(in);
    assert_ok(evidence_load(arena, test_vector_path(arena, BOOT), NULL, &in->folder));
    keep_one_quote(in);
    in->ek_roots = cert_store_new();
    in->ak_roots = cert_store_new();
    assert_ok(cert_store_add_file(in->ek_roots, test_vector(arena, BOOT "/ca_root.pem"), NULL));
    assert_ok(cert_store_add(in->ak_roots, in->guest->ca));
    in->pcrs = test_vector(arena, BOOT "/pcrs_sha256.bin");
    in->clock_ms = 100000;
    in->inner = make_inner(in, arena);
    in->body = fabricate_outer(arena, in->inner);
    return in;
}

struct span inputs_next(struct inputs *in, struct arena *arena)
{
    in->clock_ms += 1000;
    return fabricate_outer(arena, make_inner(in, arena));
}

void inputs_free(struct inputs *in)
{
    fabricated_free(in->guest);
    cert_store_free(in->ek_roots);
    cert_store_free(in->ak_roots);
    arena_free(in->arena);
}

void bench_remove(struct arena *arena, const char *path)
{
    const char **names = NULL;

    if (file_is_folder(path) && file_list(arena, path, NULL, &names) == ERR_OK) {
        for (; *names != NULL; names++) {
            bench_remove(arena, arena_printf(arena, "%s/%s", path, *names));
        }
    }
    remove(path);
}
