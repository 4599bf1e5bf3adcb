#include "delta/maintain_bins.h"

#include <algorithm>
#include <map>
#include <set>

namespace tarn::delta {
namespace {

// Rows that count, as a share of the file's.
double LiveShare(const FileTable& files, FileIndex index) {
  const DeletionVectorDescriptor* vector = files.DeletionVector(index);
  if (vector == nullptr) return 1.0;
  const int64_t records = files.NumRecords(index).value_or(0);
  if (records <= 0) return 0.0;
  return std::max(0.0,
                  1.0 - static_cast<double>(vector->cardinality) / static_cast<double>(records));
}

struct Item {
  AddFile file;
  uint64_t bytes = 0;  // that count
  double deleted_share = 0;
};

std::string TagOf(const AddFile& file, const char* name) {
  const auto found = file.tags.find(name);
  return found == file.tags.end() ? std::string() : found->second;
}

// Files that a bin of their own would leave as they are.
bool IsFine(const Item& item, const BinOptions& options) {
  const bool purge = item.file.deletion_vector && (options.goal == BinGoal::kPurge ||
                                                   item.deleted_share > options.max_deleted_share);
  if (purge) return false;
  return options.goal == BinGoal::kPurge || item.bytes >= options.target_bytes / 2;
}

Bin Start(const Item& item) { return Bin{item.file.partition_values, {}, 0}; }

void PackPartition(std::vector<Item> items, const BinOptions& options, std::vector<Bin>* out) {
  std::erase_if(items, [&](const Item& item) { return IsFine(item, options); });
  std::vector<Bin> bins;
  for (Item& item : items) {
    const bool fits = !bins.empty() && bins.back().bytes + item.bytes <= options.target_bytes &&
                      options.goal == BinGoal::kCompact;
    if (!fits) bins.push_back(Start(item));
    bins.back().bytes += item.bytes;
    bins.back().files.push_back(std::move(item.file));
  }
  for (Bin& bin : bins) {
    const bool merges = bin.files.size() >= std::max<size_t>(options.min_files, 2);
    const bool purges = std::any_of(bin.files.begin(), bin.files.end(), [](const AddFile& file) {
      return file.deletion_vector.has_value();
    });
    if (merges || (purges && options.min_files <= 2)) out->push_back(std::move(bin));
  }
}

void ArrangePartition(std::vector<Item> items, const BinOptions& options, std::vector<Bin>* out) {
  // Groups that lie in this order already, by the run that arranged them.
  std::map<std::string, uint64_t> groups;
  for (const Item& item : items) {
    if (TagOf(item.file, kArrangedByTag) != options.arranged_by) continue;
    groups[TagOf(item.file, kGroupTag)] += item.bytes;
  }
  const auto stable = [&](const Item& item) {
    if (TagOf(item.file, kArrangedByTag) != options.arranged_by) return false;
    if (item.file.deletion_vector && item.deleted_share > options.max_deleted_share) return false;
    return options.stable_group_bytes > 0 &&
           groups[TagOf(item.file, kGroupTag)] >= options.stable_group_bytes;
  };
  std::erase_if(items, stable);
  if (items.empty()) return;
  const std::string group = TagOf(items.front().file, kGroupTag);
  const bool arranged = std::all_of(items.begin(), items.end(), [&](const Item& item) {
    return !group.empty() && TagOf(item.file, kGroupTag) == group && !item.file.deletion_vector &&
           TagOf(item.file, kArrangedByTag) == options.arranged_by;
  });
  if (arranged) return;
  Bin bin = Start(items.front());
  for (Item& item : items) {
    bin.bytes += item.bytes;
    bin.files.push_back(std::move(item.file));
  }
  out->push_back(std::move(bin));
}

}  // namespace

std::vector<Bin> PlanBins(const Snapshot& snapshot, const std::vector<FileIndex>& candidates,
                          const BinOptions& options) {
  const FileTable& files = snapshot.files();
  std::map<PartitionValues, size_t> positions;
  std::vector<std::vector<Item>> partitions;
  for (const FileIndex index : candidates) {
    const double live = LiveShare(files, index);
    Item item{files.ToAddFile(index),
              static_cast<uint64_t>(static_cast<double>(files.SizeBytes(index)) * live),
              1.0 - live};
    const auto [found, fresh] = positions.emplace(item.file.partition_values, partitions.size());
    if (fresh) partitions.emplace_back();
    partitions[found->second].push_back(std::move(item));
  }
  std::vector<Bin> out;
  for (auto& items : partitions) {
    if (options.goal == BinGoal::kRearrange) {
      ArrangePartition(std::move(items), options, &out);
    } else {
      PackPartition(std::move(items), options, &out);
    }
  }
  return out;
}

std::optional<std::vector<FileIndex>> FindUnchanged(const Snapshot& snapshot, const Bin& bin) {
  std::vector<FileIndex> out;
  for (const AddFile& file : bin.files) {
    const auto found =
        snapshot.files().Find(file.path, file.deletion_vector ? &*file.deletion_vector : nullptr);
    if (!found) return std::nullopt;
    out.push_back(*found);
  }
  return out;
}

Bin Remaining(const Snapshot& snapshot, const Bin& bin) {
  Bin out{bin.partition_values, {}, 0};
  for (const AddFile& file : bin.files) {
    const auto found = snapshot.files().Find(file.path);
    if (!found) continue;
    out.bytes += static_cast<uint64_t>(static_cast<double>(snapshot.files().SizeBytes(*found)) *
                                       LiveShare(snapshot.files(), *found));
    out.files.push_back(snapshot.files().ToAddFile(*found));
  }
  return out;
}

SizeSpread SpreadOf(std::vector<int64_t> sizes) {
  if (sizes.empty()) return {};
  std::sort(sizes.begin(), sizes.end());
  const auto at = [&](size_t percent) { return sizes[(sizes.size() - 1) * percent / 100]; };
  return {sizes.front(), at(25), at(50), at(75), sizes.back()};
}

}  // namespace tarn::delta
