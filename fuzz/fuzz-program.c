/* Programs that are to become packages: the header of an ELF file and its notes. */
#include "package/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program program;
    struct trail trail = {0};
    struct version version;

    if (program_read(span_of(data, size), &trail, &program) == ERR_OK &&
        (version_read(span_str(program.version_text), &version) != ERR_OK ||
         !program_is_platform(span_str(program.platform)))) {
        __builtin_trap(); /* what was read is of the form */
    }
    return 0;
}
