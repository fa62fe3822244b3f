/*
 * facts/windows.h - what a Windows boot says of itself, as far as its log authenticates it (B-13).
 *
 * Windows' boot programs measure records into PCR 12 (settings, digests of modules), 13 (settings,
 * descriptions of modules) and 14 (keys that signed them), and close each register with a separator
 * `WBCL` before the kernel runs. A fact comes only from an event before that separator whose digest
 * covers it; whatever follows, the running system may have extended. The log alone does not say
 * that it was Windows who measured: any program can extend these registers. Whoever judges looks at
 * PCR 4 and 7, too.
 */
#ifndef FACTS_WINDOWS_H
#define FACTS_WINDOWS_H

#include "facts/facts.h"
#include "reading/windows-settings.h"

enum {
    WINDOWS_VALUES = 4,     /* different values kept of one setting */
    WINDOWS_EVENTS = 8,     /* events kept that a setting rests on */
    WINDOWS_MODULES = 4096, /* real boots load about a hundred */
    WINDOWS_AUTHORITIES = 256,
    WINDOWS_ELAM = 32,
};

/* Different values in the order they were measured: several programs measure the same setting. */
struct windows_value {
    uint64_t value[WINDOWS_VALUES];
    size_t n; /* 0: not measured */
    bool has_more;
    uint32_t event[WINDOWS_EVENTS];
    size_t n_events;
};

/* An image that was loaded. Without a description (PCR 13) path is NULL. */
struct windows_module {
    const struct event *event;  /* of PCR 13; NULL */
    const struct event *loaded; /* of PCR 12, with the same digest; NULL */
    const char *path;           /* escaped */
    const char *algorithm;      /* "sha256"; "" when not known */
    struct span digest;         /* Authenticode */
    uint64_t image_size;
    const char *issuer, *publisher; /* escaped; "" */
    struct span serial, thumbprint;
    enum tristate validated;
    bool has_svn;
    uint64_t svn;
};

struct windows_elam {
    const struct event *event;
    const char *name; /* escaped */
    struct span configuration, policy, measured;
};

struct windows_revocations {
    const struct event *event; /* NULL: not measured */
    uint64_t created;          /* FILETIME */
    struct span digest;
};

struct windows_facts {
    /* Every measurement of PCR 12 and 13 up to Windows' own separators was read and understood.
     * Else no flag has its good value and no number is told: what was not read could say another
     * one. */
    bool is_whole;
    enum tristate flag[WINDOWS_FLAG_COUNT]; /* any bad value among several is the one that counts */
    struct windows_value value[WINDOWS_SETTING_COUNT];
    enum tristate resumed;   /* YES: the resume loader took over, from hibernation */
    const char *system_root; /* escaped; NULL */
    struct windows_module *modules;
    size_t n_modules;
    struct windows_elam *elam;
    size_t n_elam;
    struct span *authorities; /* public keys, DER (PCR 14) */
    const struct event **authority_events;
    size_t n_authorities;
    bool are_authorities_whole; /* as is_whole, of PCR 14 */
    uint32_t closed_at[3]; /* event of Windows' separator in PCR 12, 13, 14; 0: there is none */
    struct windows_revocations boot_revocations, os_revocations;
    struct windows_trust_point trust_point;
    uint32_t n_failures; /* records of a failure of firmware, TPM or boot program */
    uint32_t n_unknown;  /* records of unknown meaning */
};

/* Is the event one of those before Windows' separator? It was read when its register is whole. */
bool windows_is_measured(const struct windows_facts *windows, const struct event *event);
/* Is the debugger of the hypervisor off: it says so, or no hypervisor was launched. */
enum tristate windows_hypervisor_debugging(const struct windows_facts *windows);
/* "windows" of the facts' JSON form (docs/formats/boot-facts.md). */
yyjson_mut_val *windows_facts_json(struct arena *arena, yyjson_mut_doc *doc,
                                   const struct windows_facts *windows);

#endif
