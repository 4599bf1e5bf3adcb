#include "ingest/judge_account.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tarn::ingest {
namespace {

using Json = nlohmann::ordered_json;

void AddTo(const ContractAccount& from, ContractAccount* to) {
  to->judged += from.judged;
  to->flagged += from.flagged;
  to->dead_letters += from.dead_letters;
  for (const auto& [rule, count] : from.rules) {
    auto& entry = to->rules[rule];
    entry.first += count.first;
    entry.second = count.second;
  }
  for (const auto& [field, count] : from.nulls) to->nulls[field] += count;
  to->max_delay_micros = std::max(to->max_delay_micros, from.max_delay_micros);
}

ContractAccount ReadContract(const Json& json) {
  ContractAccount out;
  out.contract = json.value("contract", "");
  out.version = json.value("version", "");
  out.judged = json.value("judged", int64_t{0});
  out.flagged = json.value("flagged", int64_t{0});
  out.dead_letters = json.value("dead_letters", int64_t{0});
  out.max_delay_micros = json.value("max_delay_us", int64_t{0});
  const Json rules = json.value("rules", Json::object());
  for (const auto& [rule, count] : rules.items()) {
    out.rules[rule] = {count.at(0).get<int64_t>(), count.at(1).get<std::string>()};
  }
  const Json nulls = json.value("nulls", Json::object());
  for (const auto& [field, count] : nulls.items()) out.nulls[field] = count.get<int64_t>();
  return out;
}

}  // namespace

void JudgeAccount::Add(const JudgeAccount& other) {
  replay = replay || other.replay;
  for (const ContractAccount& from : other.contracts) {
    const auto known = std::find_if(contracts.begin(), contracts.end(), [&](const auto& one) {
      return one.contract == from.contract && one.version == from.version;
    });
    if (known == contracts.end()) {
      contracts.push_back(from);
    } else {
      AddTo(from, &*known);
    }
  }
}

std::string AccountText(const JudgeAccount& account) {
  Json list = Json::array();
  for (const ContractAccount& one : account.contracts) {
    Json json = {{"contract", one.contract}, {"version", one.version}, {"judged", one.judged}};
    if (one.flagged > 0) json["flagged"] = one.flagged;
    if (one.dead_letters > 0) json["dead_letters"] = one.dead_letters;
    for (const auto& [rule, count] : one.rules) json["rules"][rule] = {count.first, count.second};
    for (const auto& [field, count] : one.nulls) json["nulls"][field] = count;
    if (one.max_delay_micros > 0) json["max_delay_us"] = one.max_delay_micros;
    list.push_back(std::move(json));
  }
  Json out = {{"contracts", std::move(list)}};
  if (account.replay) out["replay"] = true;
  return Json({{"tarn", std::move(out)}}).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<JudgeAccount> ParseAccount(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("tarn") || !json["tarn"].is_object() ||
      !json["tarn"].contains("contracts") || !json["tarn"]["contracts"].is_array()) {
    return std::nullopt;
  }
  JudgeAccount out;
  out.replay = json["tarn"].value("replay", false);
  try {
    for (const Json& one : json["tarn"]["contracts"]) out.contracts.push_back(ReadContract(one));
  } catch (const Json::exception&) {
    return std::nullopt;  // somebody else's text that looks like ours
  }
  return out;
}

}  // namespace tarn::ingest
