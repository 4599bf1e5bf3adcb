// What a fuzz target is: one function that takes any bytes, and a way to say what must hold.
//
// A target is a file targets/<name>.cc with LLVMFuzzerTestOneInput, as libFuzzer wants it, and a
// folder corpus/<name>. It must be deterministic, keep no state between inputs and return 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace tarn::fuzz {

inline std::string_view TextOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A law that is broken ends the process like any crash, so that its input is kept.
inline void Require(bool holds, const std::string& law) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: broken law: %s\n", law.c_str());
  std::abort();
}

}  // namespace tarn::fuzz
