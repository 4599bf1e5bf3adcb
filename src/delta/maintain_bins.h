// Which files OPTIMIZE and REORG rewrite, and together with which: bins of one partition each.
//
// What it does not do: no I/O, no rewriting. A bin is planned against one snapshot; whoever
// rewrites it checks at commit that its files are still the same (transaction.h).
//
// Threads: free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "delta/actions.h"
#include "delta/file_table.h"
#include "delta/snapshot.h"
#include "delta/transaction.h"

namespace tarn::delta {

enum class BinGoal {
  kCompact,    // merge small files, purge files that lost many rows
  kPurge,      // rewrite each file with a deletion vector, and nothing else
  kRearrange,  // every file of a partition, unless it is arranged this way already (`arranged_by`)
};

struct BinOptions {
  BinGoal goal = BinGoal::kCompact;
  uint64_t target_bytes = uint64_t{512} << 20;  // of a new file
  // kCompact: a file that lost more than this share of its rows is rewritten whatever its size.
  double max_deleted_share = 0.05;
  // kCompact: a partition with fewer small files than this is left alone (auto-compaction).
  size_t min_files = 2;
  // kRearrange: value of the tag kArrangedByTag that says a file lies in this order.
  std::string arranged_by;
  // kRearrange: a group of this many bytes that one run arranged is left as it is when files come
  // to its partition; 0: never.
  uint64_t stable_group_bytes = 0;
};

// Tags of files that Z-ORDER or clustering wrote, as Spark names them.
constexpr char kGroupTag[] = "ZCUBE_ID";
constexpr char kArrangedByTag[] = "ZCUBE_ZORDER_BY";
constexpr char kCurveTag[] = "ZCUBE_ZORDER_CURVE";

struct Bin {
  PartitionValues partition_values;
  std::vector<AddFile> files;  // as the snapshot has them
  uint64_t bytes = 0;          // of rows that count: deleted ones left out
};

// `candidates` are live files of `snapshot`. Bins are in the order of their first file.
std::vector<Bin> PlanBins(const Snapshot& snapshot, const std::vector<FileIndex>& candidates,
                          const BinOptions& options);

// The files of a bin in another snapshot; nullopt when one is gone or has another deletion vector.
std::optional<std::vector<FileIndex>> FindUnchanged(const Snapshot& snapshot, const Bin& bin);
// What is left of a bin in another snapshot, with the deletion vectors it has there.
Bin Remaining(const Snapshot& snapshot, const Bin& bin);

// Spread of file sizes, as OPTIMIZE reports it.
struct SizeSpread {
  int64_t min = 0, p25 = 0, p50 = 0, p75 = 0, max = 0;
};
SizeSpread SpreadOf(std::vector<int64_t> sizes);

}  // namespace tarn::delta
