# SPDX-License-Identifier: Apache-2.0
# cmake --install, find_package(shorten), and packages (cpack -G TGZ, cpack -G DEB).
#   bin/shorten   lib/libshorten.so, libshorten_torch.so, libshorten_cuda.so   lib/shorten/ LibTorch
#   include/shorten/ the headers below the torch line                          lib/cmake/shorten/
# -DSHORTEN_INSTALL_LIBTORCH=OFF leaves LibTorch out; then the libraries find it where it was at build time.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
option(SHORTEN_INSTALL_LIBTORCH "Install LibTorch's CPU libraries beside ours" ON)
set(SHORTEN_INSTALL_HEADERS ${CMAKE_INSTALL_INCLUDEDIR}/shorten)
set(SHORTEN_INSTALL_TORCH_DIR ${CMAKE_INSTALL_LIBDIR}/shorten)

set_target_properties(shorten PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
set_target_properties(shorten_base PROPERTIES INSTALL_RPATH "$ORIGIN")
install(TARGETS shorten shorten_base)
if(SHORTEN_TORCH)
  if(SHORTEN_INSTALL_LIBTORCH)
    set(torch_rpath "$ORIGIN/shorten")
    # libtorch_cpu.so looks for what it needs beside itself.
    file(GLOB needed ${SHORTEN_LIBTORCH}/lib/libgomp*.so*
      ${SHORTEN_LIBTORCH}/../nvidia/*/lib/libcudart.so.* ${SHORTEN_LIBTORCH}/../nvidia/*/lib/libcupti.so.*)
    install(FILES ${SHORTEN_LIBTORCH}/lib/libtorch_cpu.so ${SHORTEN_LIBTORCH}/lib/libc10.so ${needed}
      DESTINATION ${SHORTEN_INSTALL_TORCH_DIR})
  else()
    set(torch_rpath "${SHORTEN_LIBTORCH}/lib")
  endif()
  set_target_properties(shorten_torch PROPERTIES INSTALL_RPATH "$ORIGIN;${torch_rpath}")
  install(TARGETS shorten_torch)
endif()
if(SHORTEN_CUDA)  # and LibTorch's CUDA libraries, which are too large to go along
  set_target_properties(shorten_cuda PROPERTIES INSTALL_RPATH "$ORIGIN;${torch_rpath};${SHORTEN_LIBTORCH}/lib")
  install(TARGETS shorten_cuda DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

foreach(room core ${SHORTEN_BASE_ROOMS})
  install(DIRECTORY src/${room} DESTINATION ${SHORTEN_INSTALL_HEADERS} FILES_MATCHING PATTERN "*.h")
endforeach()
install(FILES src/engine/engine.h src/engine/open.h DESTINATION ${SHORTEN_INSTALL_HEADERS}/engine)
configure_package_config_file(cmake/shortenConfig.cmake.in ${CMAKE_BINARY_DIR}/shortenConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/shorten
  PATH_VARS CMAKE_INSTALL_LIBDIR SHORTEN_INSTALL_HEADERS)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/shortenConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/shortenConfig.cmake ${CMAKE_BINARY_DIR}/shortenConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/shorten)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_CONTACT "the maintainers of shorten")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Makes large language models shorter")
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${CPACK_PACKAGE_CONTACT})
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR} ${SHORTEN_LIBTORCH}/lib)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
include(CPack)
