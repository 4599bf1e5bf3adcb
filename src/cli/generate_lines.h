// The lines of each stream of the generated data, and what the truth says of them.
//
// Each function writes what one record, with everything that goes wrong with it, contributes; the
// caller (generate.cc) decides the day and the file. Threads: as the buffers they write to.
#pragma once

#include <string>
#include <vector>

#include "cli/generate_file.h"
#include "cli/generate_truth.h"
#include "cli/generate_world.h"

namespace tarn::cli {

// The open files of one day.
struct DayFiles {
  GenerateFile& events;
  GenerateFile& sessions;
  GenerateFile& transactions;
  GenerateFile& users;
};

// Which users were seen on a platform on the day at hand.
class SeenUsers {
 public:
  explicit SeenUsers(uint64_t users) : words_((users + 63) / 64) {}
  void Clear() { words_.assign(words_.size(), 0); }
  // False when the user was seen before.
  bool Add(uint64_t user) {
    uint64_t& word = words_[user / 64];
    const uint64_t bit = 1ull << (user % 64);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }

 private:
  std::vector<uint64_t> words_;
};

void AppendEventLine(std::string* out, const Session& session, const Event& event,
                     int64_t received_ms);
void CountEvent(const Event& event, Truth* truth);

// The session's own record; `last_ms` is the time of its last event.
void WriteSession(const Session& session, int64_t last_ms, GenerateFile& file, StreamTruth* truth);

// The header of transactions/*.csv, with its line end.
extern const char* const kTransactionsHeader;
// A purchase of a session of day `base`: the sale when `day` is `base`, its refund on the day of
// the refund.
void WriteTransaction(const World& world, const Session& session, const Event& event, int base,
                      int day, GenerateFile& file, Truth* truth);

// The header of users/*.csv; NDJSON has none.
extern const char* const kUsersHeader;
// Every change record of any user that is received on `day`.
void WriteUserChanges(const World& world, int day, bool csv, GenerateFile& file,
                      StreamTruth* truth);
// What a type 2 history of all users holds at the end.
void CountUserHistory(const World& world, Truth* truth);

}  // namespace tarn::cli
