# SPDX-License-Identifier: Apache-2.0
# Compiler cache, warnings and sanitizers, the same for every target.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()
# The default linker: it takes a second for the largest library, and mold 1.10 (Debian 12) now and then lays
# thread-local data so that a program cannot be loaded ("cannot apply additional memory protection").

# The three that are off: GCC 12 warns about its own std::string, also where its header is precompiled.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra>")
add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overflow>")
if(SHORTEN_SANITIZE)
  add_compile_options(-fsanitize=${SHORTEN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=${SHORTEN_SANITIZE})
endif()
