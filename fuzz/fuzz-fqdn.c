/*
 * Who can send these bytes: whoever may write a firewall's rules, the rule; a guest, the host. The
 * rule, a line feed, the host.
 */
#include "network/fqdn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    struct span rule = span_of(data, end == NULL ? size : (size_t)(end - data));
    struct span host =
        end == NULL ? (struct span){0} : span_cut(span_of(data, size), rule.len + 1, size);
    struct trail trail = {0};
    err_t err = fqdn_rule_check(rule, &trail);
    bool has_star = rule.len > 0 && rule.data[0] == '*';

    if ((err != ERR_OK && (trail.what[0] == '\0' || fqdn_matches(rule, host))) ||
        /* Without a star a rule matches itself, and with one never itself. */
        (err == ERR_OK && fqdn_matches(rule, rule) == has_star)) {
        __builtin_trap();
    }
    return 0;
}
