#include "service/guestca.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 86400, CLOCK_SLACK = 300 };

struct guest_ca {
    struct signkey *key;
    struct cert *cert;
};

err_t guest_ca_open(const struct folder *folder, struct trail *trail, struct guest_ca **ret)
{
    static const struct folder_ca guest_ca = {
        .name = "guest-ca",
        .common_name = "Bootwarden guest CA",
        .advice =
            "machines get it with their next session; who else checks their certificates must "
            "be given this file",
    };
    CLEANUP(guest_ca_free) struct guest_ca *ca = calloc(1, sizeof(*ca));
    err_t err =
        ca == NULL ? ERR_MEMORY : folder_ca_open(folder, &guest_ca, trail, &ca->key, &ca->cert);

    if (err) {
        return err;
    }
    *ret = TAKE(ca);
    return ERR_OK;
}

void guest_ca_free(struct guest_ca *ca)
{
    if (ca != NULL) {
        signkey_free(ca->key);
        cert_free(ca->cert);
        free(ca);
    }
}

struct cert *guest_ca_cert(const struct guest_ca *ca)
{
    return ca->cert;
}

bool guest_ca_is_named(const struct guest_ca *ca, struct arena *arena, const struct cert *cert)
{
    return strcmp(cert_issuer(cert, arena), cert_subject(ca->cert, arena)) == 0;
}

err_t guest_ca_issue(const struct guest_ca *ca, struct arena *arena, const char *machine_id,
                     const struct pubkey *ak, int64_t now, struct cert **ret)
{
    const char *name = arena_printf(arena, "%s.TrustedVM", machine_id);
    const char *const uris[] = {arena_printf(arena, "urn:uuid:%s", machine_id), NULL};
    const struct cert_request request = {
        .profile = CERT_AK,
        .common_name = name,
        .uris = uris,
        .not_before = now - CLOCK_SLACK,
        .not_after = now + (int64_t)GUEST_CA_AK_DAYS * DAY,
    };

    if (name == NULL || uris[0] == NULL) {
        return ERR_MEMORY;
    }
    return cert_issue(&request, ak, ca->cert, ca->key, ret);
}
