// Paths of the log: URI decoding and the form under which two spellings of one file are equal.
//
// Threads: free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "delta/actions.h"

namespace tarn::delta {

// RFC 2396 percent-decoding; '+' is literal. A '%' without two hex digits stays as it is.
std::string UriDecode(std::string_view text);
// Escapes what a path in the log may not hold literally (space, '%', controls, non-ASCII, …), as
// Spark does;
// '/', '=' and the unreserved characters stay.
std::string UriEncodePath(std::string_view path);

// True for "scheme:…" and "/…".
bool IsAbsolutePath(std::string_view logged_path);

// The decoded path; "file:///x" and "file:/x" become "/x". The view points into `path` or
// `scratch`.
std::string_view CanonicalPath(std::string_view path, std::string* scratch);

// 64-bit hash of bytes; the same on every run.
uint64_t HashBytes(std::string_view bytes);

bool SameVector(const DeletionVectorDescriptor* a, const DeletionVectorDescriptor* b);

}  // namespace tarn::delta
