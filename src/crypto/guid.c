#include "crypto/guid.h"

#include "base/codec.h"
#include "crypto/secret.h"

static bool is_dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

err_t guid_new(char text[GUID_SIZE])
{
    uint8_t bytes[16];
    char hex[33];
    size_t from = 0;
    err_t err = random_bytes(bytes, sizeof(bytes));

    if (err) {
        return err;
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    hex_encode(span_of(bytes, sizeof(bytes)), hex, sizeof(hex));
    for (size_t i = 0; i < GUID_SIZE - 1; i++) {
        text[i] = '-';
        if (!is_dash_at(i)) {
            text[i] = hex[from++];
        }
    }
    text[GUID_SIZE - 1] = '\0';
    return ERR_OK;
}
