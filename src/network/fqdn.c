/*
 * fqdn.c - host names in rules. Who may send these bytes: whoever may write a firewall's rules; the
 * host is what a guest says it wants to reach.
 */
#include "network/fqdn.h"

#include "base/text.h"

static struct span without_last_dot(struct span name)
{
    return name.len > 0 && name.data[name.len - 1] == '.' ? span_cut(name, 0, name.len - 1) : name;
}

/* Labels of letters, digits, "-" and "_" (which names of services have), apart by single dots. */
static bool is_name(struct span name)
{
    size_t label = 0;

    if (name.len == 0 || name.len > FQDN_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';

        if (c == '.' ? label == 0 : !is_good || ++label > FQDN_LABEL_MAX) {
            return false;
        }
        label = c == '.' ? 0 : label;
    }
    return label > 0;
}

struct pattern {
    bool has_star;   /* anything may stand before: */
    struct span end; /* "", "example.net" or ".example.net" */
};

static bool read_pattern(struct span rule, struct pattern *ret)
{
    struct pattern p = {.end = without_last_dot(rule)};
    struct span name;

    p.has_star = p.end.len > 0 && p.end.data[0] == '*';
    if (p.has_star) {
        p.end = span_cut(p.end, 1, p.end.len);
    }
    name = span_starts(p.end, ".") && p.has_star ? span_cut(p.end, 1, p.end.len) : p.end;
    *ret = p;
    return is_name(name) || (p.has_star && rule.len == 1);
}

err_t fqdn_rule_check(struct span rule, struct trail *trail)
{
    struct pattern pattern;

    if (read_pattern(rule, &pattern)) {
        return ERR_OK;
    }
    if (rule.len > 0 && memchr(rule.data, '*', rule.len) != NULL) {
        return trail_set(trail, ERR_VALUE,
                         "a rule has one * at most, as its first character; write *.example.net");
    }
    return trail_set(trail, ERR_VALUE,
                     "is no host name; write www.example.net or *.example.net, without scheme, "
                     "port or path");
}

bool fqdn_matches(struct span rule, struct span host)
{
    struct span name = without_last_dot(host);
    struct pattern p;

    if (!read_pattern(rule, &p) || !is_name(name)) {
        return false;
    }
    if (!p.has_star) {
        return text_spans_equal_nocase(name, p.end);
    }
    /* ".example.net" needs a label before it: a name does not begin with a dot, so it has one. */
    return name.len >= p.end.len &&
           text_spans_equal_nocase(span_cut(name, name.len - p.end.len, p.end.len), p.end);
}

bool fqdn_rule_is_risky(struct span rule)
{
    struct pattern p;

    return read_pattern(rule, &p) && p.has_star && !span_starts(p.end, ".");
}
