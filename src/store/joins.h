/*
 * joins.h - who may become a machine: those that an owner announced, and those that asked and wait
 * for a person. Neither is a machine: nothing here counts as an attestation key of anybody (AK-6).
 */
#ifndef STORE_JOINS_H
#define STORE_JOINS_H

#include "store/store.h"

enum {
    STORE_ANNOUNCED_MAX = 100000,       /* of one subscription */
    STORE_WAITING_MAX = 10000,          /* with an EK certificate of a maker who is trusted */
    STORE_WAITING_UNVOUCHED_MAX = 1000, /* anybody can send those */
    STORE_WAITING_DAYS = 14,            /* since they asked last */
    STORE_MAKER_MAX = 256,
};

/* A place for a machine to come. With an EK digest only that TPM takes it, with a token digest only
 * who shows the token; with both, both are needed. */
struct store_announced {
    int64_t id;
    char subscription[STORE_ID_SIZE]; /* "" = the server's own */
    char name[STORE_NAME_MAX + 1];    /* of the machine; "" = as the guest wishes */
    bool has_ek, has_token;
    uint8_t ek_digest[STORE_DIGEST_BYTES];
    uint8_t token_digest[STORE_DIGEST_BYTES];
    uint8_t ak_name[STORE_AK_NAME_MAX]; /* of one that was approved: the pair that asked */
    size_t ak_name_len;                 /* 0 = any */
    unsigned uses;                      /* left */
    int64_t created, expires;
    char who[STORE_WHO_MAX];
    /* The id that the guest gets, unless a cloud gave it one: that of a virtual machine resource.
     * It takes up the place of no other machine, whatever the name.
     * What was announced for that before is withdrawn. "" = any. */
    char machine[STORE_ID_SIZE];
};

/* ERR_CONFLICT with the reason when the name is a machine's that was not replaced, or of another id
 * than `machine`, when the name
 * was announced before or the EK in this subscription; ERR_TOO_MANY. An expired one of that name
 * gives way. Names are the whole server's; the reason names nothing of another subscription. */
err_t store_announce(struct store *store, const struct store_announced *announced,
                     struct trail *trail) MUST_CHECK;
/* Of one subscription, newest first, in the arena. */
err_t store_announced_list(struct store *store, struct arena *arena, const char *subscription,
                           size_t max, struct trail *trail, struct store_announced **ret,
                           size_t *ret_n) MUST_CHECK;
err_t store_announced_count(struct store *store, const char *subscription, struct trail *trail,
                            size_t *ret) MUST_CHECK;
/* In that subscription; NULL = any, one of them. ERR_NOT_FOUND. */
err_t store_announced_by_ek(struct store *store, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                            const char *subscription, int64_t now, struct trail *trail,
                            struct store_announced *ret) MUST_CHECK;
/* Expired or not; ERR_NOT_FOUND. */
err_t store_announced_by_name(struct store *store, const char *name, struct trail *trail,
                              struct store_announced *ret) MUST_CHECK;
/* id: a number as text. */
err_t store_announced_by_id(struct store *store, const char *id, struct trail *trail,
                            struct store_announced *ret) MUST_CHECK;
/* What is announced for that id; ERR_NOT_FOUND. */
err_t store_announced_by_machine(struct store *store, const char *machine_id, struct trail *trail,
                                 struct store_announced *ret) MUST_CHECK;
/* ERR_NOT_FOUND. */
err_t store_announced_remove(struct store *store, int64_t id, struct trail *trail) MUST_CHECK;

/* A guest that proved its TPM and may not join by itself. */
struct store_waiting {
    uint8_t ek_digest[STORE_DIGEST_BYTES];
    uint8_t ak_name[STORE_AK_NAME_MAX];
    size_t ak_name_len;
    char name[STORE_NAME_MAX + 1];   /* wished for when it asked first; "" */
    char maker[STORE_MAKER_MAX + 1]; /* who issued the EK certificate; "" = nobody vouches */
    bool is_rejected;
    int64_t first, last; /* when it asked */
};
/* Those that a maker vouches for first, since anybody can send others; of each kind those that were
 * rejected last, and before that who asked last. In the arena. */
err_t store_waiting_list(struct store *store, struct arena *arena, size_t max, struct trail *trail,
                         struct store_waiting **ret, size_t *ret_n) MUST_CHECK;
/* All of them. */
err_t store_waiting_count(struct store *store, struct trail *trail, size_t *ret) MUST_CHECK;
/* ERR_NOT_FOUND. */
err_t store_waiting_by_ek(struct store *store, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                          struct trail *trail, struct store_waiting *ret) MUST_CHECK;
/* The one that wished for this name; *ret_n is how many did. ERR_NOT_FOUND. */
err_t store_waiting_by_name(struct store *store, const char *name, struct trail *trail,
                            struct store_waiting *ret, size_t *ret_n) MUST_CHECK;
/* Turn what was `shown` into an announced one, for its EK and the AK that it proved, in one write.
 * ERR_NOT_FOUND when it does not wait (any more), ERR_MISMATCH when it asked with another AK, name
 * or certificate meanwhile, ERR_CONFLICT as store_announce. */
err_t store_waiting_approve(struct store *store, const struct store_waiting *shown,
                            const struct store_announced *announced,
                            struct trail *trail) MUST_CHECK;
/* It stays in the list while it asks, and is refused from now on, whatever it shows, until its EK
 * is named: announced, approved, or as a machine's successor. ERR_NOT_FOUND. */
err_t store_waiting_reject(struct store *store, const uint8_t ek_digest[STORE_DIGEST_BYTES],
                           struct trail *trail) MUST_CHECK;

/* Why a guest may not have a name or a place, though no key is in its way. */
enum store_kept {
    STORE_KEPT_NOT,
    STORE_KEPT_OWNER,     /* of a machine of another subscription than the one that permits it */
    STORE_KEPT_ANNOUNCED, /* for a guest that was announced */
    STORE_KEPT_PLACE,     /* of another machine than the one that was announced */
};

struct store_joining {
    const struct store_machine *wanted; /* created is now */
    struct span token_digest;           /* data NULL = it showed none */
    const char *wish;                   /* the name that the guest asked for; "" */
    const char *maker;                  /* of the verified EK certificate; "" = none */
    bool is_open;                       /* a verified EK certificate is enough */
    bool has_own_id;                    /* wanted->id is a cloud's: it stays */
    /* Given by the store. */
    enum store_kept kept;    /* with ERR_CONFLICT */
    char who[STORE_WHO_MAX]; /* announced or admitted it, when this call let it in by that; "" */
    bool is_disputed;        /* several owners announced its EK: none of them permits */
    bool is_token_unused;    /* a good token, of a machine that is another one already */
};
enum store_join {
    STORE_JOINED,
    STORE_JOIN_WAITS,
    STORE_JOIN_REJECTED, /* by a person */
    STORE_JOIN_TOKEN,    /* the token is unknown, used, expired or for another TPM */
    STORE_JOIN_FULL,     /* too many wait already */
};
/*
 * In one write (AK-6): the EK's machine is active with this AK, or the guest waits. A known pair is
 * let in as it is; a replaced machine is taken up by its EK, or by a new EK with its name, where a
 * successor was named by that EK alone; a new one needs an announced place, or is_open and a maker.
 * ERR_CONFLICT, nothing changed: as store_machine_activate (AK-7); and what `kept` says, which
 * names machines and announcements of no other subscription.
 */
err_t store_join(struct store *store, struct store_joining *joining, struct trail *trail,
                 enum store_join *ret_outcome, struct store_machine *ret) MUST_CHECK;

#endif
