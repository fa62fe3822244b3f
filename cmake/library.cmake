# libbootwarden (include/bootwarden.h): the rooms that judge tokens, compiled once more, position
# independent, with nothing visible but bootwarden_*: a program that links it may have an arena_new of
# its own. The rooms are named here, the layers in src/CMakeLists.txt.
set(library_sources "")
foreach(room base crypto json token lib)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*.c)
    list(APPEND library_sources ${sources})
endforeach()
set(library_map ${CMAKE_SOURCE_DIR}/src/lib/libbootwarden.map)

add_library(bootwarden_objects OBJECT ${library_sources})
target_include_directories(bootwarden_objects PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(bootwarden_objects PRIVATE PkgConfig::CRYPTO PkgConfig::YYJSON Threads::Threads)
get_target_property(options bootwarden_objects COMPILE_OPTIONS)
list(REMOVE_ITEM options -fPIE)
list(APPEND options -ffunction-sections -fdata-sections) # what judging needs, and no more, goes in
set_target_properties(bootwarden_objects PROPERTIES COMPILE_OPTIONS "${options}"
                      POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)

add_library(bootwarden_shared SHARED $<TARGET_OBJECTS:bootwarden_objects>)
target_link_libraries(bootwarden_shared PRIVATE PkgConfig::CRYPTO PkgConfig::YYJSON Threads::Threads)
target_link_options(bootwarden_shared PRIVATE -Wl,--version-script=${library_map} -Wl,--gc-sections)
get_target_property(options bootwarden_shared LINK_OPTIONS)
list(REMOVE_ITEM options -pie)
if(NOT BOOTWARDEN_SANITIZE)
    list(APPEND options -Wl,-z,defs)
endif()
set_target_properties(bootwarden_shared PROPERTIES LINK_OPTIONS "${options}" OUTPUT_NAME bootwarden
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      LINK_DEPENDS ${library_map} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
target_include_directories(bootwarden_shared INTERFACE ${CMAKE_SOURCE_DIR}/include)

# The static one is a single object in which what is hidden has become local.
set(static_library ${CMAKE_BINARY_DIR}/lib/libbootwarden.a)
set(static_object ${CMAKE_BINARY_DIR}/lib/libbootwarden.o)
add_custom_command(OUTPUT ${static_library}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/lib
    COMMAND ${CMAKE_LINKER} -r -o ${static_object} $<TARGET_OBJECTS:bootwarden_objects>
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${static_object}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${static_library}
    COMMAND ${CMAKE_AR} rcs ${static_library} ${static_object}
    DEPENDS bootwarden_objects $<TARGET_OBJECTS:bootwarden_objects>
    COMMENT "Making libbootwarden.a" COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(bootwarden_static ALL DEPENDS ${static_library})

# pkg-config: paths as seen from the file, so that an installed tree may be moved. The uninstalled one
# is preferred by pkg-config where it is in the path.
file(RELATIVE_PATH library_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" library_prefix "${library_prefix}")
set(PC_PREFIX "\${pcfiledir}/${library_prefix}")
set(PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
set(PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
configure_file(${CMAKE_SOURCE_DIR}/src/lib/bootwarden.pc.in ${CMAKE_BINARY_DIR}/bootwarden.pc @ONLY)
set(PC_PREFIX ${CMAKE_SOURCE_DIR})
set(PC_LIBDIR ${CMAKE_BINARY_DIR}/lib)
set(PC_INCLUDEDIR "\${prefix}/include")
configure_file(${CMAKE_SOURCE_DIR}/src/lib/bootwarden.pc.in
               ${CMAKE_BINARY_DIR}/pkgconfig/bootwarden-uninstalled.pc @ONLY)

# `cmake --install BUILD --component libbootwarden` installs it alone.
install(TARGETS bootwarden_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        COMPONENT libbootwarden NAMELINK_COMPONENT libbootwarden)
install(FILES ${static_library} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libbootwarden)
install(FILES ${CMAKE_SOURCE_DIR}/include/bootwarden.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT libbootwarden)
install(FILES ${CMAKE_BINARY_DIR}/bootwarden.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT libbootwarden)
