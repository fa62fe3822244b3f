#include "eventlog/marks.h"

#include "base/defs.h"

const struct grub_prefix grub_prefixes[GRUB_PREFIXES] = {
    {"grub_cmd: ", false, false},       {"kernel_cmdline: ", false, true},
    {"module_cmdline: ", false, false}, {"grub_kernel_cmdline ", false, true}, /* Red Hat 8 */
    {"grub_cmd ", true, false},
};

static const struct {
    uint32_t id;
    uint32_t pcr;
} tags[] = {
    {0x8f3b22ed, 9},                   /* Linux, efi-stub-helper.c: LoadOptions, initrd */
    {0x8f3b22ec, 9},  {0xf5bc582a, 5}, /* systemd, TPM2_PCR_MEASUREMENTS.md: loader.conf */
    {0xd5cb7cbc, 1},                   /* SMBIOS */
    {0xe0d47bc8, 1},  {0xc0b3bd23, 1},
    {0x6c46f751, 12}, /* device tree, initrd add-on, microcode */
    {0x49dffe0f, 12}, {0xdac08e1a, 12},
};

bool grub_is_text(struct span data)
{
    for (size_t i = 0; i < GRUB_PREFIXES; i++) {
        if (span_starts(data, grub_prefixes[i].prefix)) {
            return true;
        }
    }
    return false;
}

uint32_t tag_register(uint32_t id)
{
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (tags[i].id == id) {
            return tags[i].pcr;
        }
    }
    return UINT32_MAX;
}
