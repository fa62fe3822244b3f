/*
 * finding.h - what a check found, step by step (docs/formats/agent-check.md). Values alone: who
 * walks fills the list, who shows it reads it.
 *
 * Texts live in the list's arena and are printable; none holds a password. When the arena is full
 * the list says so (is_short), and is not to be believed.
 */
#ifndef CHECK_FINDING_H
#define CHECK_FINDING_H

#include "agent/options.h"
#include "base/arena.h"
#include "httpclient/proxy.h"

enum finding_status { FINDING_OK, FINDING_WARNING, FINDING_FAILED, FINDING_SKIPPED };

enum { FINDINGS_MAX = 32, FINDING_WORDS_MAX = 4096 };

/* One of several things that are wrong. */
struct finding_detail {
    const char *text, *remedy;
};

struct finding {
    const char *id; /* "tpm", "attestation/tcp": stable */
    enum finding_status status;
    const char *message;
    const char *host;   /* without brackets; NULL for steps that are not about a host */
    uint16_t port;      /* 0 = none */
    const char *proxy;  /* "host:port", NULL = none */
    const char *remedy; /* what to do; NULL when there is nothing to do */
    /* For people, who read one line for each: `head` in place of the message, details in place of
     * the remedy. They say the same. NULL, 0 = there are none. */
    const char *head;
    const struct finding_detail *details;
    size_t n_details;
    enum agent_exit exit; /* of FINDING_FAILED: what it means */
    uint32_t ms;
};

struct findings {
    struct arena *arena; /* not owned */
    struct finding items[FINDINGS_MAX];
    size_t n;
    uint64_t since_us; /* when the step that comes next began */
    bool is_short;
};

void findings_init(struct findings *list, struct arena *arena);

/* One step, with the time since the one before. id must stay valid. The finding stays where it is:
 * the caller may fill in host, port, proxy, exit. Never NULL. */
struct finding *finding_add(struct findings *list, const char *id, enum finding_status status,
                            const char *fmt, ...) PRINTF_LIKE(4, 5);
/* A failed step and what it means for the exit status. */
struct finding *finding_fail(struct findings *list, const char *id, enum agent_exit exit,
                             const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Skipped "because <fmt>". */
struct finding *finding_skip(struct findings *list, const char *id, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* What to do about it: a sentence. */
void finding_remedy(struct findings *list, struct finding *finding, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Words of our rooms have the form "what is wrong; what to do": the second half becomes the remedy,
 * `otherwise` when there is none. */
void finding_split(struct findings *list, struct finding *finding, const char *words,
                   const char *otherwise);

/* Message and remedy as one text. */
const char *finding_text(struct arena *arena, const struct finding *finding);

/* The step by its id; NULL when it was not taken. */
struct finding *finding_get(struct findings *list, const char *id);
bool finding_has_failed(struct findings *list, const char *id);

/* No step failed, and the list is whole. Warnings and skipped steps do not matter. */
bool findings_are_ok(const struct findings *list);
/* EXIT_TOKEN when all is well, else that of the first step that failed. */
enum agent_exit findings_exit(const struct findings *list);

#endif
