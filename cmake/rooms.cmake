# tarn_room(<path> [MAY_INCLUDE rooms...] [LIBS libs...] [DUCKDB]): one folder of src/ is one target.
#
# The compiler sees only the room's own headers and those of MAY_INCLUDE (and DuckDB's with DUCKDB), so
# an include against the order of the house is a missing file, not a review comment. `*_test.cc` beside
# the code become the binary <room>_test.

find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(simdjson REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(yaml-cpp REQUIRED)
find_library(ROARING_LIB roaring REQUIRED)
find_library(ZSTD_LIB zstd REQUIRED)
find_library(EDIT_LIB edit REQUIRED)
find_library(RE2_LIB re2 REQUIRED)
find_library(PROTOBUF_LIB protobuf REQUIRED)
find_library(YAML_LIB yaml REQUIRED)
find_library(PCRE2_LIB pcre2-8 REQUIRED)
find_package(CURL REQUIRED)
find_package(pugixml REQUIRED)
if(NOT TARGET roaring::roaring)
  add_library(roaring::roaring UNKNOWN IMPORTED)
  set_target_properties(roaring::roaring PROPERTIES IMPORTED_LOCATION ${ROARING_LIB})
endif()

# librdkafka as scripts/bootstrap builds it, or a folder with lib/librdkafka.a and include/librdkafka.
set(RDKAFKA_ROOT "$ENV{RDKAFKA_ROOT}" CACHE PATH "Folder with lib/librdkafka.a and include/librdkafka/rdkafka.h")
set(TARN_RDKAFKA_HOME "${RDKAFKA_ROOT}")
if(NOT TARN_RDKAFKA_HOME)
  if(DEFINED ENV{TARN_CACHE})
    set(TARN_RDKAFKA_HOME "$ENV{TARN_CACHE}/librdkafka-2.15.1")
  else()
    set(TARN_RDKAFKA_HOME "$ENV{HOME}/.cache/tarn/librdkafka-2.15.1")
  endif()
endif()
if(NOT EXISTS ${TARN_RDKAFKA_HOME}/lib/librdkafka.a)
  message(FATAL_ERROR "${TARN_RDKAFKA_HOME} holds no lib/librdkafka.a; run scripts/bootstrap "
                      "(make build does it) or pass -DRDKAFKA_ROOT=<folder>")
endif()
add_library(rdkafka::rdkafka STATIC IMPORTED)
set_target_properties(rdkafka::rdkafka PROPERTIES
  IMPORTED_LOCATION ${TARN_RDKAFKA_HOME}/lib/librdkafka.a
  INTERFACE_INCLUDE_DIRECTORIES ${TARN_RDKAFKA_HOME}/include
  INTERFACE_LINK_LIBRARIES "CURL::libcurl;OpenSSL::SSL;OpenSSL::Crypto;ZLIB::ZLIB;${ZSTD_LIB};m;dl")

add_library(tarn_flags INTERFACE)
target_compile_options(tarn_flags INTERFACE -Wall -Wextra -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees these inside its own std::string when it inlines; they name no line of ours.
  target_compile_options(tarn_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds
                                              -Wno-stringop-overread -Wno-maybe-uninitialized)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tarn_flags INTERFACE -fpch-preprocess)  # lets ccache see through the PCH
endif()
if(TARN_SANITIZE)
  target_compile_options(tarn_flags INTERFACE -fsanitize=${TARN_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(tarn_flags INTERFACE -fsanitize=${TARN_SANITIZE})
endif()

if(TARN_FUZZ)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(tarn_flags INTERFACE -fsanitize-coverage=trace-pc)
  else()
    target_compile_options(tarn_flags INTERFACE -fsanitize=fuzzer-no-link)
  endif()
endif()

if(TARN_WITH_DUCKDB)
  if(NOT EXISTS ${DUCKDB_ROOT}/lib/libduckdb.so)
    message(FATAL_ERROR "DUCKDB_ROOT='${DUCKDB_ROOT}' holds no lib/libduckdb.so; run scripts/bootstrap "
                        "(make build does it) or pass -DDUCKDB_ROOT=<folder>")
  endif()
  add_library(duckdb_lib SHARED IMPORTED)
  set_target_properties(duckdb_lib PROPERTIES IMPORTED_LOCATION ${DUCKDB_ROOT}/lib/libduckdb.so
                                              IMPORTED_NO_SONAME FALSE)
  target_include_directories(duckdb_lib SYSTEM INTERFACE
    ${DUCKDB_ROOT}/include ${DUCKDB_ROOT}/parquet/include
    ${DUCKDB_ROOT}/third_party/parquet ${DUCKDB_ROOT}/third_party/thrift
    ${DUCKDB_ROOT}/third_party/re2 ${DUCKDB_ROOT}/third_party/libpg_query/include
    ${DUCKDB_ROOT}/third_party/concurrentqueue ${DUCKDB_ROOT}/third_party/yyjson/include
    ${DUCKDB_ROOT}/third_party/utf8proc/include ${DUCKDB_ROOT}/third_party/lz4
    ${DUCKDB_ROOT}/third_party/snappy ${DUCKDB_ROOT}/third_party/zstd/include
    ${DUCKDB_ROOT}/third_party/fast_float ${DUCKDB_ROOT}/third_party/fmt/include
    ${DUCKDB_ROOT}/third_party/pdqsort ${DUCKDB_ROOT}/third_party/hyperloglog
    ${DUCKDB_ROOT}/third_party)
  # One precompiled header for all rooms that see DuckDB: parsing it costs most of their build.
  file(WRITE ${CMAKE_BINARY_DIR}/duckdb_pch.cc "")
  add_library(tarn_duckdb_pch STATIC ${CMAKE_BINARY_DIR}/duckdb_pch.cc)
  target_link_libraries(tarn_duckdb_pch PRIVATE tarn_flags duckdb_lib Threads::Threads)
  # By name, not by path: the header that CMake makes of it is then the same in every checkout, and so
  # is what ccache keeps of all that is compiled on top of it.
  target_include_directories(tarn_duckdb_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake)
  target_precompile_headers(tarn_duckdb_pch PRIVATE <duckdb_pch.h>)
endif()

# A folder per room whose only content is the way to that room's headers.
function(tarn_room_include_dir path out)
  string(REPLACE "/" "_" name ${path})
  set(root ${CMAKE_BINARY_DIR}/rooms/${name})
  get_filename_component(parent ${path} DIRECTORY)
  file(MAKE_DIRECTORY ${root}/${parent})
  if(path STREQUAL "sources" OR path STREQUAL "store")
    # Only the interface; what lies below it are rooms of their own.
    if(IS_SYMLINK ${root}/${path})
      file(REMOVE ${root}/${path})  # a link of an older tree would lead the links below into src/
    endif()
    file(MAKE_DIRECTORY ${root}/${path})
    file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${path}/*.h)
    foreach(header ${headers})
      get_filename_component(leaf ${header} NAME)
      file(CREATE_LINK ${header} ${root}/${path}/${leaf} SYMBOLIC)
    endforeach()
  else()
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${path} ${root}/${path} SYMBOLIC)
  endif()
  set(${out} ${root} PARENT_SCOPE)
endfunction()

function(tarn_room path)
  cmake_parse_arguments(ROOM "DUCKDB" "" "MAY_INCLUDE;LIBS" ${ARGN})
  string(REPLACE "/" "_" name ${path})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${path}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  tarn_room_include_dir(${path} own_dir)
  set(include_dirs ${own_dir})
  set(links)
  foreach(other ${ROOM_MAY_INCLUDE})
    tarn_room_include_dir(${other} other_dir)
    list(APPEND include_dirs ${other_dir})
    string(REPLACE "/" "_" other_name ${other})
    list(APPEND links tarn_${other_name})
  endforeach()

  if(NOT sources)
    file(WRITE ${CMAKE_BINARY_DIR}/empty_${name}.cc "")
    set(sources ${CMAKE_BINARY_DIR}/empty_${name}.cc)
  endif()
  add_library(tarn_${name} STATIC ${sources})
  target_include_directories(tarn_${name} PRIVATE ${include_dirs})
  target_link_libraries(tarn_${name} PRIVATE tarn_flags PUBLIC ${links} ${ROOM_LIBS} Threads::Threads)
  set_property(TARGET tarn_${name} PROPERTY TARN_INCLUDE_DIRS ${include_dirs})
  if(ROOM_DUCKDB)
    target_link_libraries(tarn_${name} PUBLIC duckdb_lib)
    target_precompile_headers(tarn_${name} REUSE_FROM tarn_duckdb_pch)
  endif()
  if(tests)
    add_executable(${name}_test ${tests})
    target_include_directories(${name}_test PRIVATE ${include_dirs})
    target_link_libraries(${name}_test PRIVATE tarn_flags tarn_${name} GTest::gtest GTest::gmock GTest::gtest_main)
    tarn_runtime(${name}_test)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_property(GLOBAL APPEND PROPERTY TARN_UNIT_TESTS ${name}_test)
  endif()
endfunction()

# The shared library of DuckDB is found beside the binary's own record of it, not by LD_LIBRARY_PATH.
function(tarn_runtime target)
  if(TARN_WITH_DUCKDB)
    set_target_properties(${target} PROPERTIES BUILD_RPATH ${DUCKDB_ROOT}/lib)
  endif()
endfunction()

function(tarn_binary name)
  cmake_parse_arguments(BIN "" "SOURCE;ROOM" "" ${ARGN})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${BIN_SOURCE})
    return()
  endif()
  add_executable(${name} ${BIN_SOURCE})
  get_property(include_dirs TARGET tarn_${BIN_ROOM} PROPERTY TARN_INCLUDE_DIRS)
  target_include_directories(${name} PRIVATE ${include_dirs})
  target_link_libraries(${name} PRIVATE tarn_flags tarn_${BIN_ROOM})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  tarn_runtime(${name})
endfunction()

# The macros of a folder become a source file of the room.
function(tarn_embed_macros room folder)
  file(GLOB macros CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.sql)
  set(out ${CMAKE_BINARY_DIR}/embedded_${room}.cc)
  string(REPLACE ";" " " listed "${macros}")
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${listed}" -P ${CMAKE_SOURCE_DIR}/cmake/embed_macros.cmake
    DEPENDS ${macros} ${CMAKE_SOURCE_DIR}/cmake/embed_macros.cmake)
  target_sources(tarn_${room} PRIVATE ${out})
endfunction()

# A text file becomes a char array of the room; the room's header declares it.
function(tarn_embed_text room file symbol)
  set(out ${CMAKE_BINARY_DIR}/embedded_${room}_${symbol}.cc)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_SOURCE_DIR}/${file} -DOUT=${out} -DSYMBOL=${symbol}
            -P ${CMAKE_SOURCE_DIR}/cmake/embed_text.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/${file} ${CMAKE_SOURCE_DIR}/cmake/embed_text.cmake)
  target_sources(tarn_${room} PRIVATE ${out})
endfunction()
