// `tarn table check`: is everything the newest version needs there and whole, and the log in order?
// Says what is lost and, asked to, repairs what can be repaired.
//
// Looked at: every commit from the oldest checkpoint on, every checkpoint, `_last_checkpoint`, the
// newest `.crc`, every data file (there, and of the size the log says), every deletion vector
// (there, and with the right checksum and number of rows). Data files are not opened.
//
// Repairs: a data file that is gone or cut short leaves the log in one commit (FSCK), as does a
// file whose deletion vector is lost: its deleted rows must not come back. A damaged checkpoint and
// `_last_checkpoint` are written anew from the rest of the log; a `.crc` that is wrong is deleted.
//
// Threads: call from one; looks at files with several. Errors: those of listing; damage is never an
// error but a finding.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "delta/table.h"

namespace tarn::delta {

struct Finding {
  std::string kind;    // "missing_file", "wrong_size", "deletion_vector", "checkpoint", …
  std::string object;  // file or version
  std::string detail;  // one line: what is wrong, what is lost, what to do
  int64_t rows_lost = 0;
  bool repairable = false;
  bool repaired = false;
};

struct CheckOptions {
  bool repair = false;
  int threads = 8;
};

struct CheckOutcome {
  std::optional<Version> version;  // checked; nullopt when no version could be read
  int64_t files = 0;
  int64_t log_files = 0;
  std::vector<Finding> findings;
  std::optional<Version> repaired_version;  // the FSCK commit
};

Result<CheckOutcome> CheckTable(const std::shared_ptr<Table>& table, const CheckOptions& options);

}  // namespace tarn::delta
