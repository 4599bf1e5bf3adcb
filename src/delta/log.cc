#include "delta/log.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"

namespace tarn::delta {
namespace {

constexpr size_t kVersionDigits = 20;
constexpr size_t kPartDigits = 10;
// Leaves room to count on; no table gets there.
constexpr int64_t kMaxVersion = int64_t{1} << 62;

std::string Pad(Version version) {
  char text[32];
  std::snprintf(text, sizeof text, "%020lld", static_cast<long long>(version.value()));
  return text;
}

// Takes exactly `digits` decimal digits off the front.
template <typename T>
bool TakeNumber(std::string_view* text, size_t digits, T* out) {
  if (text->size() < digits) return false;
  const std::string_view head = text->substr(0, digits);
  if (head.find_first_not_of("0123456789") != std::string_view::npos) return false;
  auto [end, error] = std::from_chars(head.data(), head.data() + digits, *out);
  if (error != std::errc() || end != head.data() + digits) return false;
  text->remove_prefix(digits);
  return true;
}

bool Take(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

bool ParseCheckpointName(std::string_view rest, LogFileName* out) {
  out->kind = LogFileKind::kCheckpoint;
  if (rest == "parquet") return true;
  std::string_view multi = rest;
  if (TakeNumber(&multi, kPartDigits, &out->part) && Take(&multi, ".") &&
      TakeNumber(&multi, kPartDigits, &out->parts) && multi == ".parquet") {
    return out->part >= 1 && out->part <= out->parts;
  }
  out->part = out->parts = 0;
  if (rest.ends_with(".json")) {
    out->json = true;
    rest.remove_suffix(5);
  } else if (rest.ends_with(".parquet")) {
    rest.remove_suffix(8);
  } else {
    return false;
  }
  out->unique = rest;
  return !rest.empty() && rest.find('.') == std::string_view::npos;
}

// Multi-part checkpoints whose parts are still being collected: (version, parts) -> part -> file.
using PartialCheckpoints = std::map<std::pair<Version, int>, std::map<int, CheckpointFiles>>;

void TakeCheckpoint(const LogFileName& name, std::string file, const store::ObjectInfo& object,
                    PartialCheckpoints* partial, LogListing* listing) {
  CheckpointFiles files{
      name.version, {std::move(file)}, name.json, object.modified_micros, object.size_bytes};
  if (name.parts > 0) {
    (*partial)[{name.version, name.parts}][name.part] = std::move(files);
  } else {
    listing->checkpoints.push_back(std::move(files));
  }
}

void TakeComplete(PartialCheckpoints partial, LogListing* listing) {
  for (auto& [key, parts] : partial) {
    const auto& [version, count] = key;
    if (static_cast<int>(parts.size()) != count) {
      listing->incomplete.push_back("checkpoint " + version.ToString() + " has " +
                                    std::to_string(parts.size()) + " of " + std::to_string(count) +
                                    " parts");
      continue;
    }
    CheckpointFiles files;
    files.version = version;
    for (auto& [part, file] : parts) {
      files.names.push_back(std::move(file.names.front()));
      files.modified_micros = std::max(files.modified_micros, file.modified_micros);
      files.size_bytes += file.size_bytes;
    }
    listing->checkpoints.push_back(std::move(files));
  }
}

std::string UrlEncode(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alnum || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
    } else {
      char hex[8];
      std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned char>(c));
      out.append(hex);
    }
  }
  return out;
}

void Canonicalize(const nlohmann::json& value, const std::string& path, bool top,
                  std::map<std::string, std::string>* out) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (top && key == "checksum") continue;
      const std::string name = "\"" + UrlEncode(key) + "\"";
      Canonicalize(member, path.empty() ? name : path + "+" + name, false, out);
    }
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) {
      const std::string name = std::to_string(i);
      Canonicalize(value[i], path.empty() ? name : path + "+" + name, false, out);
    }
  } else {
    (*out)[path] =
        value.is_string() ? "\"" + UrlEncode(value.get<std::string>()) + "\"" : value.dump();
  }
}

// Parses and refuses repeated keys, which the checksum's rules forbid.
nlohmann::json ParseUnique(const std::string& text) {
  std::vector<std::set<std::string>> keys;
  bool repeated = false;
  auto callback = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    if (event == nlohmann::json::parse_event_t::object_start) keys.emplace_back();
    if (event == nlohmann::json::parse_event_t::object_end) keys.pop_back();
    if (event == nlohmann::json::parse_event_t::key) {
      repeated = repeated || !keys.back().insert(parsed.get<std::string>()).second;
    }
    return true;
  };
  auto json = nlohmann::json::parse(text, callback, false);
  return repeated ? nlohmann::json(nlohmann::json::value_t::discarded) : json;
}

}  // namespace

std::string LogFolder(const std::string& root) {
  return root.empty() ? "_delta_log/" : root + "/_delta_log/";
}

std::string CommitName(Version version) { return Pad(version) + ".json"; }
std::string ChecksumName(Version version) { return Pad(version) + ".crc"; }
std::string ClassicCheckpointName(Version version) { return Pad(version) + ".checkpoint.parquet"; }

std::optional<LogFileName> ParseLogFileName(std::string_view name) {
  LogFileName out;
  int64_t version = 0, end = 0;
  if (!TakeNumber(&name, kVersionDigits, &version) || !Take(&name, ".")) return std::nullopt;
  if (version > kMaxVersion) return std::nullopt;
  out.version = out.end = Version(version);
  if (name == "json") return out;
  if (name == "crc") {
    out.kind = LogFileKind::kChecksum;
    return out;
  }
  if (Take(&name, "checkpoint.")) {
    return ParseCheckpointName(name, &out) ? std::optional(out) : std::nullopt;
  }
  if (TakeNumber(&name, kVersionDigits, &end) && name == ".compacted.json" && end > version) {
    out.kind = LogFileKind::kCompacted;
    out.end = Version(end);
    return out;
  }
  return std::nullopt;
}

Version LogListing::LastVersion() const {
  Version last{0};
  if (!commits.empty()) last = commits.rbegin()->first;
  if (!checkpoints.empty()) last = std::max(last, checkpoints.back().version);
  return last;
}

Result<LogListing> ListLog(store::ObjectStore& store, const std::string& root, Version from) {
  const std::string folder = LogFolder(root);
  // Version names start with "0" for the next 10^19 versions: the prefix leaves out sidecars and
  // the hint. "…0007" sorts before "…0007.json" and "…0007.checkpoint.parquet".
  TARN_ASSIGN_OR_RETURN(auto objects,
                        store.List(folder + "0", from.value() > 0 ? folder + Pad(from) : ""));
  LogListing listing;
  listing.from = from;
  PartialCheckpoints partial;
  for (store::ObjectInfo& object : objects) {
    std::string file = object.key.substr(folder.size());
    const std::optional<LogFileName> name = ParseLogFileName(file);
    if (!name || name->version < from) continue;
    switch (name->kind) {
      case LogFileKind::kCommit:
        listing.commits[name->version] = {name->version,     name->version,
                                          std::move(file),   object.modified_micros,
                                          object.size_bytes, std::move(object.tag)};
        break;
      case LogFileKind::kCompacted:
        listing.compacted.push_back({name->version, name->end, std::move(file),
                                     object.modified_micros, object.size_bytes,
                                     std::move(object.tag)});
        break;
      case LogFileKind::kCheckpoint:
        if (object.size_bytes > 0) {
          TakeCheckpoint(*name, std::move(file), object, &partial, &listing);
        }
        break;
      case LogFileKind::kChecksum: break;
    }
  }
  TakeComplete(std::move(partial), &listing);
  std::stable_sort(listing.checkpoints.begin(), listing.checkpoints.end(),
                   [](const auto& a, const auto& b) { return a.version < b.version; });
  return listing;
}

std::optional<std::string> CanonicalJson(const std::string& text) {
  const nlohmann::json json = ParseUnique(text);
  if (json.is_discarded() || !json.is_object()) return std::nullopt;
  std::map<std::string, std::string> pairs;
  Canonicalize(json, "", true, &pairs);
  std::string out;
  for (const auto& [path, value] : pairs) {
    if (!out.empty()) out.push_back(',');
    out.append(path).append("=").append(value);
  }
  return out;
}

std::optional<CheckpointHint> ReadLastCheckpoint(store::ObjectStore& store,
                                                 const std::string& root) {
  auto bytes = store.Get(LogFolder(root) + "_last_checkpoint");
  if (!bytes.ok()) return std::nullopt;
  const nlohmann::json json = ParseUnique(*bytes);
  if (json.is_discarded() || !json.is_object()) return std::nullopt;
  const auto version = json.find("version");
  if (version == json.end() || !version->is_number_integer() || version->get<int64_t>() < 0) {
    return std::nullopt;
  }
  const auto checksum = json.find("checksum");
  if (checksum != json.end() && checksum->is_string()) {
    const std::optional<std::string> canonical = CanonicalJson(*bytes);
    if (!canonical || Md5Hex(*canonical) != checksum->get<std::string>()) return std::nullopt;
  }
  CheckpointHint hint{Version(version->get<int64_t>()), std::nullopt};
  const auto adds = json.find("numOfAddFiles");
  if (adds != json.end() && adds->is_number_integer()) hint.adds = adds->get<int64_t>();
  return hint;
}

std::optional<Version> ReadCheckpointHint(store::ObjectStore& store, const std::string& root) {
  const auto hint = ReadLastCheckpoint(store, root);
  return hint ? std::optional(hint->version) : std::nullopt;
}

Result<LogSegment> PlanSegment(const LogListing& listing, const std::string& root, Version version,
                               const CheckpointFiles* checkpoint, bool compacted) {
  LogSegment segment;
  segment.version = version;
  if (checkpoint) segment.checkpoint = *checkpoint;
  Version next = checkpoint ? checkpoint->version.Next() : Version(0);
  while (next <= version) {
    const CommitFile* best = nullptr;
    if (compacted) {
      for (const CommitFile& file : listing.compacted) {
        if (file.first == next && file.last <= version && (!best || file.last > best->last))
          best = &file;
      }
    }
    if (!best) {
      const auto commit = listing.commits.find(next);
      if (commit != listing.commits.end()) best = &commit->second;
    }
    if (!best) {
      return Status::Corruption(
          "version " + next.ToString() + " of table '" + root + "' is missing from its log (" +
          LogFolder(root) + CommitName(next) +
          ") although later versions exist; restore that file from a copy of the "
          "table");
    }
    segment.commits.push_back(*best);
    next = best->last.Next();
  }
  return segment;
}

std::optional<Version> OldestVersion(const LogListing& listing) {
  if (listing.empty()) return std::nullopt;
  // Walk back from the newest version as long as the commits are there; the oldest version on the
  // way that is version 0 or has a checkpoint is the start.
  std::set<Version> checkpoints;
  for (const CheckpointFiles& files : listing.checkpoints) checkpoints.insert(files.version);
  std::optional<Version> oldest;
  for (Version version = listing.LastVersion();; version = version.Previous()) {
    if (checkpoints.contains(version)) oldest = version;
    if (!listing.commits.contains(version)) break;
    if (version.value() == 0) {
      oldest = version;
      break;
    }
  }
  return oldest;
}

}  // namespace tarn::delta
