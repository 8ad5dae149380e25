# What embedders get: one shared library, headers under include/dohle, `find_package(dohle)`, pkg-config, the program.
#
# The tree includes from its root ("schema/types.hpp"); installed, the same line reads "dohle/schema/types.hpp".
# install_headers.cmake rewrites it, so that the tree stays short and nobody's "schema/" is taken.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The public face of actors/. What it includes from the tree is installed too, under the same rewriting.
set(DOHLE_PUBLIC_ACTORS client.hpp dohle.hpp embed.hpp)

# The objects of the folders' libraries; linking those too brings what they need and not one object twice.
set(folders dohle_schema dohle_rules dohle_store dohle_kafka dohle_actors)
add_library(dohle_lib SHARED $<TARGET_OBJECTS:dohle_schema> $<TARGET_OBJECTS:dohle_rules> $<TARGET_OBJECTS:dohle_store>
            $<TARGET_OBJECTS:dohle_kafka> $<TARGET_OBJECTS:dohle_actors>)
set_target_properties(dohle_lib PROPERTIES OUTPUT_NAME dohle EXPORT_NAME dohle LINKER_LANGUAGE CXX
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                      LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
target_link_libraries(dohle_lib PRIVATE "$<BUILD_INTERFACE:${folders}>" PUBLIC CAF::io Threads::Threads)
target_compile_features(dohle_lib PUBLIC cxx_std_20)
target_link_options(dohle_lib PRIVATE -Wl,--no-undefined)

install(TARGETS dohle_lib EXPORT dohle COMPONENT development INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT dohle NAMESPACE dohle:: FILE dohleTargets.cmake COMPONENT development
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/dohle")
configure_package_config_file(cmake/dohleConfig.cmake.in "${PROJECT_BINARY_DIR}/dohleConfig.cmake"
                              INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/dohle")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/dohleConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH DOHLE_PC_UP "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")  # so that the installed tree may be moved
string(REGEX REPLACE "/$" "" DOHLE_PC_UP "${DOHLE_PC_UP}")
configure_file(cmake/dohle.pc.in "${PROJECT_BINARY_DIR}/dohle.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/dohleConfig.cmake" "${PROJECT_BINARY_DIR}/dohleConfigVersion.cmake"
              cmake/FindCAF.cmake COMPONENT development DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/dohle")
install(FILES "${PROJECT_BINARY_DIR}/dohle.pc" COMPONENT development DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES LICENSE COMPONENT development DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(CODE "set(DOHLE_SOURCE \"${PROJECT_SOURCE_DIR}\")
set(DOHLE_INCLUDE \"${CMAKE_INSTALL_INCLUDEDIR}/dohle\")
set(DOHLE_PUBLIC_ACTORS \"${DOHLE_PUBLIC_ACTORS}\")" COMPONENT development)
install(SCRIPT cmake/install_headers.cmake COMPONENT development)
