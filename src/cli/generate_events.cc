#include "cli/generate_lines.h"
#include "cli/generate_text.h"

namespace tarn::cli {
namespace {

enum Topic : uint64_t { kSessionFate = 10 };

std::string_view Pick(std::span<const std::string_view> words, uint64_t number) {
  return words[number % words.size()];
}

void AppendPage(std::string* out, uint64_t details) {
  *out += "\"page\":\"/products/";
  AppendNumber(out, details % 5000);
  *out += '"';
}

// The properties say what the type of event would; form fields carry personal data in the raw.
void AppendProperties(std::string* out, const Session& session, const Event& event) {
  const uint64_t details = event.details;
  switch (event.type) {
    case EventType::kPageView:
      AppendPage(out, details);
      *out += (details >> 20) % 3 == 0 ? ",\"referrer\":\"https://search.example.com/\"" : "";
      break;
    case EventType::kClick:
      AppendPage(out, details);
      *out += ",\"element\":\"";
      *out += (details >> 20) % 2 == 0 ? "add_to_cart" : "search";
      *out += "\",\"query\":\"";
      *out += Pick(kSearches, details >> 24);
      *out += '"';
      break;
    case EventType::kFormSubmit: {
      const PersonName& person = kPersonNames[session.user % kPersonNames.size()];
      *out += "\"form\":\"contact\",\"email\":\"";
      *out += person.ascii;
      AppendNumber(out, session.user);
      *out += '@';
      *out += Pick(kMailDomains, session.user);
      *out += "\",\"phone\":\"";
      *out += kPlaces[session.user % kPlaces.size()].phone_code;
      AppendPadded(out, details % 10'000'000, 7);
      *out += '"';
      break;
    }
    case EventType::kPurchase:
      *out += "\"transaction_id\":\"t-";
      AppendHex(out, event.id_high);
      *out += '"';
      break;
    case EventType::kError:
      *out += "\"code\":\"E";
      AppendNumber(out, details % 90 + 10);
      *out += "\",\"message\":\"délai dépassé: ";
      *out += Pick(kSearches, details >> 24);
      *out += '"';
      break;
  }
}

}  // namespace

void AppendEventLine(std::string* out, const Session& session, const Event& event,
                     int64_t received_ms) {
  *out += "{\"event_id\":";
  if (event.fault == EventFault::kNoEventId) {
    *out += "null";
  } else {
    *out += '"';
    AppendUuid(out, event.id_high, event.id_low);
    *out += '"';
  }
  if (event.fault != EventFault::kNoUserId) {
    *out += ",\"user_id\":\"";
    AppendUserId(out, session.user);
    *out += '"';
  }
  *out += ",\"session_id\":\"s-";
  AppendHex(out, session.id);
  *out += "\",\"event_type\":";
  if (event.fault == EventFault::kNoType) {
    *out += "\"\"";
  } else {
    *out += '"';
    *out += event.fault == EventFault::kUnknownType ? "scroll"
                                                    : kEventTypes[static_cast<size_t>(event.type)];
    *out += '"';
  }
  *out += ",\"platform\":\"";
  *out += event.fault == EventFault::kUnknownPlatform ? "SMART_TV" : kPlatforms[session.platform];
  *out += "\",\"occurred_at\":\"";
  if (event.fault == EventFault::kUnreadableTime) {
    *out += (event.details & 1) != 0 ? "yesterday" : "2026-02-30T25:61:00Z";
  } else if (event.fault == EventFault::kFromTheFuture) {
    AppendTime(out, event.received_ms + 2 * kLateAfterMs);
  } else {
    AppendTime(out, event.occurred_ms);
  }
  *out += "\",\"received_at\":\"";
  AppendTime(out, received_ms);
  *out += "\",\"properties\":{";
  AppendProperties(out, session, event);
  *out += "}}\n";
}

void CountEvent(const Event& event, Truth* truth) {
  if (IsQuarantined(event.fault)) {
    ++truth->events.quarantined;
    return;
  }
  ++truth->events.silver;
  truth->events.dq_failed += IsFlagged(event.fault) ? 1 : 0;
  truth->events.late += event.late ? 1 : 0;
}

void WriteSession(const Session& session, int64_t last_ms, GenerateFile& file, StreamTruth* truth) {
  Draw draw(session.details, kSessionFate);
  const uint64_t fate = draw.Below(1000);
  const bool no_id = fate == 0, backwards = fate == 1 || fate == 2;
  std::string& out = file.buffer();
  const size_t start = out.size();
  out += "{\"session_id\":";
  if (no_id) {
    out += "null";
  } else {
    out += "\"s-";
    AppendHex(&out, session.id);
    out += '"';
  }
  out += ",\"user_id\":\"";
  AppendUserId(&out, session.user);
  out += "\",\"platform\":\"";
  out += kPlatforms[session.platform];
  out += "\",\"started_at\":\"";
  AppendTime(&out, session.start_ms);
  out += "\",\"ended_at\":\"";
  AppendTime(&out, backwards ? session.start_ms - 60'000 : last_ms);
  out += "\",\"event_count\":";
  AppendNumber(&out, session.events);
  out += ",\"country\":\"";
  out += kPlaces[session.user % kPlaces.size()].country;
  out += "\",\"ip\":\"198.51.";
  AppendNumber(&out, draw.Below(256));
  out += '.';
  AppendNumber(&out, draw.Below(256));
  out += "\",\"app_version\":\"4.";
  AppendNumber(&out, draw.Below(12));
  out += "\"}\n";
  ++truth->lines;
  if (no_id) {
    ++truth->quarantined;
  } else {
    ++truth->silver;
    truth->dq_failed += backwards ? 1 : 0;
    if (draw.PerMille(5)) {
      const std::string copy = out.substr(start);
      out += copy;
      ++truth->lines;
      ++truth->duplicates;
    }
  }
  if (draw.PerMille(1)) {
    out += Pick(kGarbage, draw.Next());
    out += '\n';
    ++truth->lines;
    ++truth->malformed;
  }
  file.Spill();
}

}  // namespace tarn::cli
