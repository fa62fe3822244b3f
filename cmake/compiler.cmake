# Warnings are errors with gcc and clang alike; hardening in optimised builds; sanitizers by preset.
set(BOOTWARDEN_WARNINGS
    -Wall -Wextra -Werror -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wpointer-arith -Wcast-align -Wcast-qual -Wwrite-strings -Wundef
    -Wformat=2 -Wvla -Wimplicit-fallthrough -Wnull-dereference
    -Wno-gnu-zero-variadic-macro-arguments -Wno-overlength-strings)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND BOOTWARDEN_WARNINGS -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
    list(REMOVE_ITEM BOOTWARDEN_WARNINGS -Wno-gnu-zero-variadic-macro-arguments)
    # Inlining under sanitizers makes this one guess.
    if(BOOTWARDEN_SANITIZE)
        list(REMOVE_ITEM BOOTWARDEN_WARNINGS -Wnull-dereference)
    endif()
endif()
add_compile_options(${BOOTWARDEN_WARNINGS})
add_compile_definitions(_GNU_SOURCE BOOTWARDEN_VERSION="${PROJECT_VERSION}" AGENT_ARCH="${CMAKE_SYSTEM_PROCESSOR}")

if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT BOOTWARDEN_SANITIZE)
    add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection
                        -fcf-protection -fPIE -ffunction-sections -fdata-sections)
    add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--gc-sections -Wl,--as-needed)
endif()

if(BOOTWARDEN_SANITIZE STREQUAL "address" OR BOOTWARDEN_SANITIZE STREQUAL "fuzzer")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
    if(BOOTWARDEN_SANITIZE STREQUAL "fuzzer")
        add_compile_options(-fsanitize=fuzzer-no-link)
    endif()
elseif(BOOTWARDEN_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
    add_link_options(-fsanitize=thread)
elseif(BOOTWARDEN_SANITIZE)
    message(FATAL_ERROR "BOOTWARDEN_SANITIZE is address, thread or fuzzer, not '${BOOTWARDEN_SANITIZE}'")
endif()

if(BOOTWARDEN_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
