// A version checksum (`.crc`).
#include "delta/checksum.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(tarn::fuzz::TextOf(data, size));
  (void)tarn::delta::ParseChecksum(text, "input").ok();
  return 0;
}
