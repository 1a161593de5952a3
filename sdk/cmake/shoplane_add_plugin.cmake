# shoplane_add_plugin(lane|metric NAME SOURCE...)
#
# A plugin as the host wants it: a shared object NAME.so that exports one symbol and leaves nothing open, in
# <build>/plugins/lanes or .../metrics. The target is plugin_lanes_NAME or plugin_metrics_NAME. SHOPLANE_SANITIZE, a list as
# address,undefined or thread, instruments it; then it runs in a host that was built so.

set(SHOPLANE_PLUGIN_KINDS lane metric)
set(SHOPLANE_PLUGIN_OUTPUT ${CMAKE_BINARY_DIR}/plugins)
set(SHOPLANE_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")

function(shoplane_add_plugin kind name)
  if(NOT kind IN_LIST SHOPLANE_PLUGIN_KINDS)
    message(FATAL_ERROR "shoplane_add_plugin: \"${kind}\" is no kind of plugin: lane or metric")
  endif()
  set(folder ${kind}s)
  if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "shoplane_add_plugin: \"${name}\" can't be a plugin's name: lower-case letters, digits, _")
  endif()
  set(target plugin_${folder}_${name})
  add_library(${target} MODULE ${ARGN})
  target_link_libraries(${target} PRIVATE Shoplane::SDK)
  target_compile_options(${target} PRIVATE -Wall -Wextra -fvisibility=hidden
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>) # what a table leaves out is not there
  # C++'s standard library makes its templates visible (std::string), whatever -fvisibility says: two plugins must not meet in them.
  set(exports ${CMAKE_CURRENT_BINARY_DIR}/shoplane_plugin.map)
  file(WRITE ${exports} "{ global: shoplane_plugin_v1; local: *; };\n")
  target_link_options(${target} PRIVATE -Wl,--version-script=${exports})
  if(SHOPLANE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SHOPLANE_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${SHOPLANE_SANITIZE})
  else()
    target_compile_options(${target} PRIVATE -fstack-protector-strong)
    target_link_options(${target} PRIVATE -Wl,-z,defs -Wl,-z,relro -Wl,-z,now)
  endif()
  set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME ${name} C_STANDARD 11 C_STANDARD_REQUIRED ON
    C_EXTENSIONS OFF CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden SKIP_BUILD_RPATH ON
    LIBRARY_OUTPUT_DIRECTORY ${SHOPLANE_PLUGIN_OUTPUT}/${folder})
endfunction()
