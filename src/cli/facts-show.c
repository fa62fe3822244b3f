#include "cli/facts-show.h"

#include "facts/windows.h"

const char *state_words(enum tristate state, const char *yes, const char *no)
{
    return state == STATE_YES ? yes : state == STATE_NO ? no : "not known";
}

void image_show_known(FILE *out, const struct boot_image *image)
{
    if (image->known != NULL) {
        fprintf(out, ": %s %s of %s", image->known->name, image->known->version,
                image->known->owner);
    }
    if (image->revoked != NULL) {
        fprintf(out, ": REVOKED %s, %s", image->revoked->date, image->revoked->name);
    }
}

static const char *on_off(const struct windows_facts *windows, enum windows_setting flag)
{
    return state_words(windows->flag[flag], "on", "off");
}

/* "TPM, PIN" of the first value; "not measured". */
static const char *setting_words(struct arena *arena, const struct windows_facts *windows,
                                 enum windows_setting setting)
{
    const struct windows_value *value = &windows->value[setting];
    const char *words = value->n == 0 ? NULL : windows_value_words(arena, setting, value->value[0]);

    return words != NULL ? words : "not measured";
}

void windows_show(FILE *out, struct arena *arena, const struct windows_labels *labels,
                  const struct boot_facts *facts, const char *doubt)
{
    const struct windows_facts *w = facts->windows;

    if (w == NULL) {
        return;
    }
    fprintf(out, "%s boot %s, kernel %s, hypervisor %s%s\n", labels->debuggers,
            on_off(w, WINDOWS_BOOT_DEBUGGING), on_off(w, WINDOWS_KERNEL_DEBUGGING),
            w->flag[WINDOWS_HYPERVISOR_DEBUGGING] == STATE_UNKNOWN &&
                    windows_hypervisor_debugging(w) == STATE_NO
                ? "not launched"
                : state_words(windows_hypervisor_debugging(w), "on", "off"),
            doubt);
    fprintf(out, "%s code integrity %s, test signing %s, flight signing %s\n", labels->signatures,
            on_off(w, WINDOWS_CODE_INTEGRITY), on_off(w, WINDOWS_TEST_SIGNING),
            on_off(w, WINDOWS_FLIGHT_SIGNING));
    fprintf(out, "%s safe mode %s, Windows PE %s, %zu images loaded\n", labels->windows,
            on_off(w, WINDOWS_SAFE_MODE), on_off(w, WINDOWS_WINPE), w->n_modules);
    fprintf(out, "%s BitLocker opened by: %s; VSM launch %s; HVCI policy %s\n", labels->protection,
            setting_words(arena, w, WINDOWS_BITLOCKER_UNLOCK),
            setting_words(arena, w, WINDOWS_VSM_LAUNCH),
            setting_words(arena, w, WINDOWS_HVCI_POLICY));
    for (size_t i = 0; i < w->n_elam; i++) {
        fprintf(out, "%s %s\n", labels->antimalware, w->elam[i].name);
    }
}
