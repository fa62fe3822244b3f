/*
 * reading/windows-settings.c - Windows' settings by id and in words, and its trust point.
 *
 * Who may send these bytes: root of any guest.
 */
#include "reading/windows-settings.h"

#include "base/show.h"
#include "reading/sipa.h"

const struct windows_setting_info windows_settings[WINDOWS_SETTING_COUNT] = {
#define X(name, id, bad, json) [WINDOWS_##name] = {id, json, bad},
    WINDOWS_FLAG_TABLE(X)
#undef X
#define X(name, id, json) [WINDOWS_##name] = {id, json, BAD_NEVER},
        WINDOWS_NUMBER_TABLE(X)
#undef X
};

enum windows_setting windows_setting_of(uint32_t id)
{
    int setting = 0;

    switch (id >> 16) {
    case 2:
    case 4:
    case 5:
    case 0x0a:
    case 0x0c:
        break;
    default: /* most records are of modules */
        return WINDOWS_SETTING_COUNT;
    }
    while (setting < WINDOWS_SETTING_COUNT && windows_settings[setting].id != id) {
        setting++;
    }
    return (enum windows_setting)setting;
}

const char *windows_setting_name(enum windows_setting setting)
{
    return windows_settings[setting].json;
}

/* Which key protectors opened the volume (wbcl.h, FVE_UNLOCK_FLAG_*). */
static const struct {
    uint64_t flag;
    const char *word;
} unlocks[] = {
    {0x1, "cached key"},    {0x2, "media"},         {0x4, "TPM"},         {0x10, "PIN"},
    {0x20, "external key"}, {0x40, "recovery key"}, {0x80, "passphrase"}, {0x100, "network"},
};

static const char *unlock_words(struct arena *arena, uint64_t value)
{
    const char *text = "";

    for (size_t i = 0; i < ARRAY_LEN(unlocks) && text != NULL; i++) {
        if ((value & unlocks[i].flag) != 0) {
            text =
                arena_printf(arena, "%s%s%s", text, text[0] == '\0' ? "" : ", ", unlocks[i].word);
            value &= ~unlocks[i].flag;
        }
    }
    if (text != NULL && value != 0) {
        text = arena_printf(arena, "%s%s0x%llx", text, text[0] == '\0' ? "" : ", ",
                            (unsigned long long)value);
    }
    return text != NULL && text[0] == '\0' ? "nothing" : text;
}

const char *windows_value_words(struct arena *arena, enum windows_setting setting, uint64_t value)
{
    if (setting < WINDOWS_FLAG_COUNT) {
        return value == 0 ? "off" : "on";
    }
    if (setting == WINDOWS_BITLOCKER_UNLOCK) {
        return unlock_words(arena, value);
    }
    if (setting == WINDOWS_TRANSFER_CONTROL && (value == 1 || value == 2)) {
        return value == 1 ? "OS loader" : "resume loader";
    }
    return arena_printf(arena, "%llu", (unsigned long long)value);
}

err_t windows_trust_point_read(struct arena *arena, const struct event *event,
                               struct windows_trust_point *ret)
{
    struct windows_trust_point point = {.event = event, .aik_id = ""};
    struct sipa_iter iter;
    struct sipa_record record;
    bool is_trust_point = false;
    err_t err;

    sipa_begin(&iter, event->data);
    while ((err = sipa_next(&iter, &record)) == ERR_OK) {
        switch (record.id) {
        case SIPA_TRUST_POINT:
            is_trust_point = record.depth == 0;
            break;
        case SIPA_QUOTE:
            point.quote = record.payload;
            break;
        case SIPA_QUOTE_SIGNATURE:
            point.signature = record.payload;
            break;
        case SIPA_AIK_DIGEST:
            point.aik_digest = record.payload;
            break;
        case SIPA_AIK_ID:
            point.aik_id = show_utf16(arena, record.payload);
            if (point.aik_id == NULL) {
                return ERR_MEMORY;
            }
            break;
        default:
            break;
        }
    }
    /* One real log has inner sizes larger than the record. */
    point.is_malformed = err != ERR_END || !is_trust_point;
    *ret = point;
    return ERR_OK;
}
