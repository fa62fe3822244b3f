#include "agent/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

err_t fault_set(struct fault *fault, enum agent_exit exit, err_t err, const char *fmt, ...)
{
    va_list args;

    *fault = (struct fault){.err = err, .exit = exit};
    va_start(args, fmt);
    vsnprintf(fault->text, sizeof(fault->text), fmt, args);
    va_end(args);
    return err;
}

void fault_add_remedy(struct fault *fault, const char *remedy)
{
    size_t len = strlen(fault->text);
    bool has_stop = len > 0 && fault->text[len - 1] == '.';

    snprintf(fault->text + len, sizeof(fault->text) - len, "%s%s", has_stop ? " " : ". ", remedy);
    len += has_stop ? 1 : 2;
    fault->remedy_at = len < sizeof(fault->text) ? len : 0;
}

err_t fault_from(struct fault *fault, enum agent_exit exit, err_t err, const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];

    trail_format(trail, err, words, sizeof(words));
    fault_set(fault, err == ERR_USAGE ? EXIT_USAGE : exit, err, "%s", words);
    fault->is_temporary = err_category(err) == ERR_CAT_UNAVAILABLE && err != ERR_TPM;
    return err;
}

err_t fault_from_tpm(struct fault *fault, err_t err, const struct trail *trail)
{
    fault_from(fault, EXIT_INTERNAL, err, trail);
    fault->is_tpm = fault->exit == EXIT_INTERNAL && err != ERR_MEMORY;
    return err;
}
