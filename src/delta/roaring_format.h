// Proof that bytes are a well-formed 32-bit Roaring bitmap in the portable format, so that a
// library that trusts its input may read them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tarn::delta {

// The size of the bitmap that starts at bytes[0]; bytes after it are ignored. nullopt unless every
// rule of the format holds: known cookie, ascending keys, offsets that match, ascending arrays,
// runs that are ascending and disjoint, bitsets with the cardinality they claim.
std::optional<size_t> PortableBitmapSize(std::string_view bytes);

}  // namespace tarn::delta
