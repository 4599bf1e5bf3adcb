// PushKeys: the idempotency keys a stream of pushed records remembers, as texts that go into Delta
// commits.
//
// How: keys are in slots of a few hundred. A commit writes the slots that its keys went to (the
// last one, mostly), so that its size does not grow with how many are remembered; a slot whose keys
// are all older than the window is blanked and its number used again. A key is kept as 96 bits of
// its SHA-256 with the CRC-32 of the body it came with and what was answered.
//
// A key is remembered for the window at least. Threads: one user at a time. Errors: kCorruption for
// a slot that Stage did not write.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"

namespace tarn::ingest {

class PushKeys {
 public:
  using Hash = std::array<uint32_t, 3>;
  static Hash HashOf(std::string_view text);

  struct Entry {
    Hash hash{};
    uint32_t body_crc = 0;
    uint32_t accepted = 0;
    uint32_t dead_letters = 0;
  };

  explicit PushKeys(int64_t window_micros) : window_micros_(window_micros) {}

  // nullptr: not remembered. Valid until the next Apply.
  const Entry* Find(const Hash& hash) const;
  size_t size() const { return entries_.size(); }
  // Remembered and still within the window at `now`.
  size_t LiveAt(int64_t now_micros) const;
  std::vector<int> numbers() const;

  struct Staged {
    std::map<int, std::string> writes;  // slot number -> text; what the commit must write
    std::vector<int> numbers;           // of all slots after it, in order
    // What Apply needs.
    size_t dropped = 0;
    bool replaces_last = false;
    std::deque<int> added_numbers;
    std::vector<Entry> added;
    int64_t now_micros = 0;
  };
  // What a commit with `added` has to write. Changes nothing.
  Staged Stage(std::vector<Entry> added, int64_t now_micros, int64_t epoch) const;
  // The commit landed.
  void Apply(const Staged& staged);
  // From the table; in the order of the committed numbers.
  Status Load(int number, const std::string& text);

 private:
  static constexpr size_t kSlotEntries = 512;
  struct Slot {
    int number = 0;
    int64_t newest_micros = 0;
    std::vector<Entry> entries;
  };
  struct HashOfHash {
    size_t operator()(const Hash& hash) const {
      return static_cast<size_t>(hash[0]) << 32 | hash[1];
    }
  };
  static std::string TextOf(const Slot& slot, int64_t epoch);
  // Slots behind `dropped` with `added`: the last one filled up, then new ones.
  std::vector<Slot> Fill(const Staged& staged) const;

  int64_t window_micros_;
  std::deque<Slot> slots_;
  std::unordered_map<Hash, Entry, HashOfHash> entries_;
};

}  // namespace tarn::ingest
