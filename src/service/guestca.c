#include "service/guestca.h"

#include "service/folder.h"

#include <stdlib.h>

enum { DAY = 86400, CLOCK_SLACK = 300 };

struct guest_ca {
    struct signkey *key;
    struct cert *cert;
};

err_t guest_ca_open(struct arena *arena, const char *folder, int64_t now, struct trail *trail,
                    struct guest_ca **ret)
{
    CLEANUP(guest_ca_free) struct guest_ca *ca = NULL;
    const char *key_path = arena_printf(arena, "%s/guest-ca/ca.key", folder);
    const char *cert_path = arena_printf(arena, "%s/guest-ca/ca.pem", folder);
    err_t err;

    if (key_path == NULL || cert_path == NULL) {
        return ERR_MEMORY;
    }
    ca = calloc(1, sizeof(*ca));
    if (ca == NULL) {
        return ERR_MEMORY;
    }
    err = folder_ca(arena, key_path, cert_path, "Bootwarden guest CA", now, trail, &ca->key,
                    &ca->cert);
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
