#include "agent/reply.h"

#include "evidence/azureguest.h"

enum { INNER_KEY_MAX = 256 };

err_t reply_open(struct tpmdev_enckey *key, struct arena *arena, struct span body,
                 struct trail *trail, struct span *ret_jwt)
{
    CLEANUP(buf_done) struct buf inner_key = {0};
    struct azureguest_sealed sealed = {0};
    err_t err = azureguest_parse_reply(arena, body, trail, &sealed);

    if (err) {
        return err;
    }
    buf_init_secret(&inner_key, INNER_KEY_MAX);
    err = tpmdev_enckey_decrypt(key, sealed.wrapped_key, trail, &inner_key);
    if (err) {
        return err;
    }
    err = azureguest_open_reply(arena, &sealed, buf_span(&inner_key), ret_jwt);
    return trail_set(trail, err, "the sealed token does not open with its key");
}
