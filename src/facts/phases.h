/*
 * phases.h - boot phases: what systemd extends into PCR 11 from userspace.
 *
 * A unified kernel image of systemd-stub measures its sections into PCR 11, and the firmware log
 * holds them. From then on systemd-pcrphase extends the same register with a word for each phase
 * that begins: H("enter-initrd") and so on, without a NUL, in every bank
 * (systemd-pcrphase.service(8), rule B-9). No firmware log knows of these, so PCR 11 of a healthy
 * machine is further on than its log.
 *
 * A phase proves little: whoever is root can extend these words too, and so tell a later phase than
 * the true one, never an earlier one. What is known is that nothing but these words was extended
 * behind the sections. That is why they may explain a register and nothing may rest on them.
 */
#ifndef FACTS_PHASES_H
#define FACTS_PHASES_H

#include "eventlog/eventlog.h"

enum {
    BOOT_PHASES_PCR = 11,
    BOOT_PHASES_WORDS = 6,
    BOOT_PHASES_ROUND = 4, /* sysinit, ready, shutdown, final */
    BOOT_PHASES_SOFT_REBOOTS = 64,
    BOOT_PHASES_MAX = 2 + BOOT_PHASES_ROUND * (1 + BOOT_PHASES_SOFT_REBOOTS),
};

struct boot_phases {
    const char *word[BOOT_PHASES_MAX]; /* static; in order */
    size_t n;                          /* 0: the quote was made before the first phase */
    size_t n_soft_reboots;
    size_t n_current; /* of the words, the last ones: those since the last soft reboot */
};

/* PCR 11 in one bank: where the firmware log leads and what the quote attests. */
struct phase_register {
    enum hash_alg bank;
    struct span logged;
    struct span attested;
};

/*
 * Which phases lead from the log to the quote, the same in every bank. Known orders:
 *
 *     [enter-initrd leave-initrd] sysinit ready [shutdown final sysinit ready]...
 *
 * and every beginning of them. An initrd without systemd has no first two (initramfs-tools); a
 * systemd older than 252 has no sysinit there; from shutdown on it goes on only after a soft
 * reboot, which leaves the kernel running and does not pass through the initrd
 * (systemd-soft-reboot.service(8)). Not accepted: entering the initrd twice, which is kexec, so
 * that another kernel runs than the one measured; other words (systemd-pcrextend takes any); more
 * soft reboots than the limit. ERR_END when no known order does it.
 */
err_t boot_phases_find(const struct phase_register *registers, size_t n, struct hasher *hasher,
                       struct boot_phases *ret) MUST_CHECK;

/* The digests of the six words in one bank. */
struct phase_digests {
    size_t size;
    uint8_t digest[BOOT_PHASES_WORDS][HASH_MAX_BYTES];
};
err_t phase_digests_make(enum hash_alg bank, struct hasher *hasher,
                         struct phase_digests *ret) MUST_CHECK;
/* The word that this is the digest of, NULL when it is none of the six; static. */
const char *phase_digests_name(const struct phase_digests *digests, struct span digest);

/* "enter-initrd leave-initrd sysinit ready", "sysinit ready, after 2 soft reboots", "none yet". */
const char *boot_phases_text(struct arena *arena, const struct boot_phases *phases);

#endif
