# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a header with SHORTEN_BUILD_ID: a hash over the headers in SOURCE, and the version. Run by the build with
#   cmake -DSOURCE=src -DVERSION=0.1.0 -DOUTPUT=shorten_build_id.h -P BuildId.cmake
# The file is left alone where the hash is the same, so that nothing is compiled again.
file(GLOB_RECURSE headers RELATIVE ${SOURCE} ${SOURCE}/*.h)
list(SORT headers)
set(all "${VERSION}")
foreach(header ${headers})
  file(SHA256 ${SOURCE}/${header} hash)
  string(APPEND all "\n${header} ${hash}")
endforeach()
string(SHA256 id "${all}")
string(SUBSTRING ${id} 0 16 id)
set(content "#define SHORTEN_BUILD_ID \"${VERSION}-${id}\"\n")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL content)
  file(WRITE ${OUTPUT} "${content}")
endif()
