#include "cli/facts-show.h"

#include "facts/windows.h"

const char *state_words(enum tristate state, const char *yes, const char *no)
{
    return state == STATE_YES ? yes : state == STATE_NO ? no : "not known";
}

const char *authority_words(const struct authority *authority)
{
    return authority->known != NULL        ? authority->known->name
           : authority->subject[0] != '\0' ? authority->subject
                                           : "a digest";
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

void windows_show(FILE *out, const char *const labels[4], const struct boot_facts *facts,
                  const char *doubt)
{
    const struct windows_facts *w = facts->windows;

    if (w == NULL) {
        return;
    }
    fprintf(out, "%s boot %s, kernel %s, hypervisor %s%s\n", labels[0],
            on_off(w, WINDOWS_BOOT_DEBUGGING), on_off(w, WINDOWS_KERNEL_DEBUGGING),
            w->flag[WINDOWS_HYPERVISOR_DEBUGGING] == STATE_UNKNOWN &&
                    windows_hypervisor_debugging(w) == STATE_NO
                ? "not launched"
                : state_words(windows_hypervisor_debugging(w), "on", "off"),
            doubt);
    fprintf(out, "%s code integrity %s, test signing %s, flight signing %s\n", labels[1],
            on_off(w, WINDOWS_CODE_INTEGRITY), on_off(w, WINDOWS_TEST_SIGNING),
            on_off(w, WINDOWS_FLIGHT_SIGNING));
    fprintf(out, "%s safe mode %s, Windows PE %s, %zu images loaded\n", labels[2],
            on_off(w, WINDOWS_SAFE_MODE), on_off(w, WINDOWS_WINPE), w->n_modules);
    for (size_t i = 0; i < w->n_elam; i++) {
        fprintf(out, "%s %s\n", labels[3], w->elam[i].name);
    }
}
