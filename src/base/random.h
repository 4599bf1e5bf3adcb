// Random: where randomness comes from, so that a seed replays a run.
//
// Threads: SystemRandom is safe for concurrent calls; SeededRandom is not.
#pragma once

#include <cstdint>
#include <string>

namespace tarn {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t NextU64() = 0;
  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t Uniform(uint64_t bound) { return NextU64() % bound; }
  // Uniform in [0, 1).
  double NextDouble() { return static_cast<double>(NextU64() >> 11) * 0x1.0p-53; }
  // The operating system's generator; lives for the whole process.
  static Random& System();
};

// splitmix64: small, fast, the same on every machine. Not for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t NextU64() override;

 private:
  uint64_t state_;
};

// A version 4 UUID in the 8-4-4-4-12 form.
std::string MakeUuid(Random& random);

}  // namespace tarn
