# One static library a folder, linking only what the direction of the house allows.

# Warnings are errors in our targets only; foreign headers come in as SYSTEM.
add_library(dohle_warnings INTERFACE)
target_compile_options(dohle_warnings INTERFACE -Wall -Wextra -Wpedantic -Wnon-virtual-dtor
                       -Woverloaded-virtual -Wno-missing-field-initializers
                       $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local -Werror>)
if(DOHLE_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  # CAF's headers bind two null references on purpose (init_fun_factory.hpp).
  add_compile_options(-fno-sanitize=null)
  add_link_options(-fsanitize=address,undefined)
endif()
if(DOHLE_FUZZ)
  # The fuzzers link -fsanitize=fuzzer; what they exercise must report its branches and its faults.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()

# dohle_library(<name> <what it links>...): all *.cpp of the current folder.
function(dohle_library name)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  add_library(dohle_${name} STATIC ${sources})
  add_library(dohle::${name} ALIAS dohle_${name})
  target_include_directories(dohle_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_compile_features(dohle_${name} PUBLIC cxx_std_20)
  target_link_libraries(dohle_${name} PUBLIC ${ARGN})
  target_link_libraries(dohle_${name} PRIVATE $<BUILD_INTERFACE:dohle_warnings>)
endfunction()
