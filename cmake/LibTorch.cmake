# SPDX-License-Identifier: Apache-2.0
# LibTorch as imported targets. The wheel's own CMake config asks for a CUDA toolkit on every machine;
# what we need is four libraries and two include folders.
#   -DSHORTEN_LIBTORCH=DIR   the folder with include/ and lib/ (default: the one scripts/install.sh made)
set(SHORTEN_LIBTORCH_VERSION 2.11.0)
if(NOT SHORTEN_LIBTORCH)
  file(GLOB found ${PROJECT_SOURCE_DIR}/.deps/libtorch/lib/python3*/site-packages/torch)
  list(APPEND found ${PROJECT_SOURCE_DIR}/.deps/libtorch)  # where nothing is found, for the message
  list(GET found 0 SHORTEN_LIBTORCH)
endif()
if(NOT EXISTS ${SHORTEN_LIBTORCH}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "No LibTorch in '${SHORTEN_LIBTORCH}': run ./quickstart.sh, or give -DSHORTEN_LIBTORCH=DIR")
endif()
file(STRINGS ${SHORTEN_LIBTORCH}/include/torch/headeronly/version.h version_lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX REPLACE "[^0-9]*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" version "${version_lines}")
if(NOT version STREQUAL SHORTEN_LIBTORCH_VERSION)
  message(FATAL_ERROR "LibTorch ${SHORTEN_LIBTORCH_VERSION} is needed, ${SHORTEN_LIBTORCH} is ${version}")
endif()
message(STATUS "LibTorch ${version}: ${SHORTEN_LIBTORCH}")

# -idirafter: the wheel also ships headers of other libraries (fmt, nlohmann) in other versions than the
# distribution's, which every room shares; those must be found first.
function(shorten_import_torch name)
  add_library(torch::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(torch::${name} PROPERTIES IMPORTED_LOCATION ${SHORTEN_LIBTORCH}/lib/lib${name}.so)
  target_compile_options(torch::${name} INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${SHORTEN_LIBTORCH}/include>")
endfunction()
shorten_import_torch(c10)
shorten_import_torch(torch_cpu)
# What libtorch_cpu.so needs in turn is found by its own RPATH when the program runs.
target_link_options(torch::torch_cpu INTERFACE -Wl,--allow-shlib-undefined)
target_link_libraries(torch::torch_cpu INTERFACE torch::c10)
# at::parallel_for is a template: without -fopenmp in the file that calls it, it runs on one thread and says nothing.
# The runtime is the wheel's own, so that there is one pool of threads.
file(GLOB SHORTEN_LIBGOMP ${SHORTEN_LIBTORCH}/lib/libgomp*.so*)
target_compile_options(torch::torch_cpu INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_libraries(torch::torch_cpu INTERFACE ${SHORTEN_LIBGOMP})
if(SHORTEN_CUDA)
  shorten_import_torch(c10_cuda)
  shorten_import_torch(torch_cuda)
endif()
