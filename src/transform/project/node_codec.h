// The parts of a manifest as bytes, and back: what a parse leaves for the next command.
//
// What it is: every field of nodes, macros and docs blocks but what a run puts into them
// (compiled_code). Trees that occur more than once (configs, mostly) are written once.
//
// What it does not do: no versions; the reader must be the very binary that wrote
// (manifest_cache.h sees to it).
//
// Threads: pure functions. Errors: bytes that make no sense give false; nothing is read beyond
// them.
#pragma once

#include <string>
#include <string_view>

#include "transform/project/manifest.h"

namespace tarn::transform {

std::string EncodeManifest(const Manifest& manifest);
// Fills nodes, disabled, macros, docs, packages and warnings of an empty manifest, and its indexes.
[[nodiscard]] bool DecodeManifest(std::string_view bytes, Manifest* manifest);

}  // namespace tarn::transform
