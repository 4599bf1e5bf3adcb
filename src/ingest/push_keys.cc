#include "ingest/push_keys.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"

namespace tarn::ingest {
namespace {

constexpr size_t kWordHex = 8;
constexpr size_t kEntryHex = kWordHex * 6;

void AppendWord(uint32_t word, std::string* out) {
  char text[kWordHex + 1];
  std::snprintf(text, sizeof(text), "%08x", word);
  out->append(text, kWordHex);
}

bool ReadWord(std::string_view hex, uint32_t* word) {
  *word = 0;
  for (const char c : hex) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return false;
    *word = *word << 4 | static_cast<uint32_t>(digit);
  }
  return true;
}

}  // namespace

PushKeys::Hash PushKeys::HashOf(std::string_view text) {
  const std::string hex = Sha256Hex(text);
  Hash hash{};
  for (size_t i = 0; i < hash.size(); ++i) {
    (void)ReadWord(std::string_view(hex).substr(i * kWordHex, kWordHex), &hash[i]);
  }
  return hash;
}

const PushKeys::Entry* PushKeys::Find(const Hash& hash) const {
  const auto found = entries_.find(hash);
  return found == entries_.end() ? nullptr : &found->second;
}

size_t PushKeys::LiveAt(int64_t now_micros) const {
  size_t count = 0;
  for (const Slot& slot : slots_) {
    if (slot.newest_micros >= now_micros - window_micros_) count += slot.entries.size();
  }
  return count;
}

std::vector<int> PushKeys::numbers() const {
  std::vector<int> out;
  for (const Slot& slot : slots_) out.push_back(slot.number);
  return out;
}

std::string PushKeys::TextOf(const Slot& slot, int64_t epoch) {
  std::string packed;
  packed.reserve(slot.entries.size() * kEntryHex);
  for (const Entry& entry : slot.entries) {
    for (const uint32_t word : entry.hash) AppendWord(word, &packed);
    AppendWord(entry.body_crc, &packed);
    AppendWord(entry.accepted, &packed);
    AppendWord(entry.dead_letters, &packed);
  }
  return nlohmann::ordered_json(
             {{"epoch", epoch}, {"newest", slot.newest_micros}, {"keys", std::move(packed)}})
      .dump();
}

std::vector<PushKeys::Slot> PushKeys::Fill(const Staged& staged) const {
  std::vector<Slot> out;
  if (staged.replaces_last) out.push_back(slots_.back());
  auto number = staged.added_numbers.begin();
  for (const Entry& entry : staged.added) {
    if (out.empty() || out.back().entries.size() == kSlotEntries) {
      out.push_back({*number++, 0, {}});
    }
    out.back().entries.push_back(entry);
    out.back().newest_micros = std::max(out.back().newest_micros, staged.now_micros);
  }
  return out;
}

PushKeys::Staged PushKeys::Stage(std::vector<Entry> added, int64_t now_micros,
                                 int64_t epoch) const {
  Staged staged;
  staged.now_micros = now_micros;
  staged.added = std::move(added);
  std::set<int> used;
  for (const Slot& slot : slots_) {
    const bool old = slot.newest_micros < now_micros - window_micros_;
    if (old && used.empty()) {
      ++staged.dropped;
      staged.writes[slot.number] = TextOf({slot.number, slot.newest_micros, {}}, epoch);
      continue;
    }
    used.insert(slot.number);
    staged.numbers.push_back(slot.number);
  }
  size_t room = 0;
  if (!staged.numbers.empty() && !staged.added.empty()) {
    room = kSlotEntries - slots_.back().entries.size();
    staged.replaces_last = room > 0;
  }
  const size_t rest = staged.added.size() - std::min(room, staged.added.size());
  int number = 0;
  for (size_t i = 0; i < (rest + kSlotEntries - 1) / kSlotEntries; ++i) {
    while (used.count(number) != 0) ++number;
    used.insert(number);
    staged.added_numbers.push_back(number);
    staged.numbers.push_back(number);
  }
  for (const Slot& slot : Fill(staged)) staged.writes[slot.number] = TextOf(slot, epoch);
  return staged;
}

void PushKeys::Apply(const Staged& staged) {
  std::vector<Slot> filled = Fill(staged);
  if (staged.replaces_last) slots_.pop_back();
  for (size_t i = 0; i < staged.dropped; ++i) {
    for (const Entry& entry : slots_.front().entries) entries_.erase(entry.hash);
    slots_.pop_front();
  }
  for (Slot& slot : filled) slots_.push_back(std::move(slot));
  for (const Entry& entry : staged.added) entries_[entry.hash] = entry;
}

Status PushKeys::Load(int number, const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const std::string what = "the remembered keys in slot " + std::to_string(number);
  if (!json.is_object() || !json.contains("keys") || !json["keys"].is_string()) {
    return Status::Corruption(what + " cannot be read");
  }
  const auto& packed = json["keys"].get_ref<const std::string&>();
  Slot slot{number, json.value("newest", int64_t{0}), {}};
  if (packed.size() % kEntryHex != 0) return Status::Corruption(what + " are cut off");
  for (size_t at = 0; at < packed.size(); at += kEntryHex) {
    uint32_t words[6];
    for (size_t i = 0; i < 6; ++i) {
      if (!ReadWord(std::string_view(packed).substr(at + i * kWordHex, kWordHex), &words[i])) {
        return Status::Corruption(what + " are damaged");
      }
    }
    const Entry entry{{words[0], words[1], words[2]}, words[3], words[4], words[5]};
    slot.entries.push_back(entry);
    entries_[entry.hash] = entry;
  }
  slots_.push_back(std::move(slot));
  return Status::Ok();
}

}  // namespace tarn::ingest
