#include "cli/generate_lines.h"
#include "cli/generate_text.h"
#include "cli/render.h"

namespace tarn::cli {
namespace {

enum Topic : uint64_t { kSale = 20 };

enum class SaleFault {
  kNone,
  kUnknownCurrency,   // flagged
  kNegativeAmount,    // flagged
  kUnreadableAmount,  // quarantined
  kNoId,              // quarantined
};

struct Sale {
  int64_t minor = 0;  // amount in minor units
  const Place* place = nullptr;
  std::string_view status;
  SaleFault fault = SaleFault::kNone;
  int64_t refund_minor = 0;  // 0: no refund
  int64_t refund_ms = 0;
  bool copied = false;
  bool garbage_after = false;
  bool orphan_refund = false;  // a refund of a sale that nobody knows comes with it
};

Sale SaleOf(const World& world, const Session& session, const Event& event) {
  Draw draw(world.seed(), kSale, event.id_high, event.id_low);
  Sale sale;
  sale.place = &kPlaces[session.user % kPlaces.size()];
  // Two draws multiplied: many small amounts, few large ones.
  sale.minor = 99 + static_cast<int64_t>(draw.Below(300) * draw.Below(300));
  if (CurrencyDigits(sale.place->currency) == 0) sale.minor = sale.minor / 10 + 100;
  const uint64_t status = draw.Below(1000);
  sale.status = status < 920 ? "completed" : status < 960 ? "pending" : "failed";
  const uint64_t fate = draw.Below(1000);
  if (fate < 6) {
    sale.fault = static_cast<SaleFault>(1 + fate % 4);
  } else if (fate < 66 && status < 920) {
    sale.refund_ms = event.occurred_ms + kLateAfterMs +
                     static_cast<int64_t>(draw.Below(kMaxDelayDays * kDayMs - kDayMs / 2));
    if (sale.refund_ms < world.DayStartMs(world.days())) {
      sale.refund_minor = draw.PerMille(700) ? sale.minor : sale.minor / 2;
    }
  }
  sale.copied = draw.PerMille(5);
  sale.garbage_after = draw.PerMille(2);
  sale.orphan_refund = draw.PerMille(1);
  return sale;
}

// One line of CSV. `prefix` tells sales ("t-"), refunds ("r-") and orphans ("o-") apart.
struct Line {
  const char* prefix;
  uint64_t id;
  const char* type;
  std::string original;
  int64_t minor;
  std::string_view status;
  int64_t occurred_ms;
};

void AppendLine(std::string* out, const Line& line, const Sale& sale, const Session& session) {
  const PersonName& person = kPersonNames[session.user % kPersonNames.size()];
  if (sale.fault != SaleFault::kNoId) {
    *out += line.prefix;
    AppendHex(out, line.id);
  }
  *out += ',';
  AppendUserId(out, session.user);
  *out += ",s-";
  AppendHex(out, session.id);
  *out += ',';
  *out += line.type;
  *out += ',';
  *out += line.original;
  *out += ',';
  if (sale.fault == SaleFault::kUnreadableAmount) {
    *out += "\"12,50 €\"";
  } else {
    AppendAmount(out, sale.fault == SaleFault::kNegativeAmount ? -line.minor : line.minor,
                 CurrencyDigits(sale.place->currency));
  }
  *out += ',';
  *out += sale.fault == SaleFault::kUnknownCurrency ? "ZZZ" : sale.place->currency;
  *out += ',';
  *out += kPlatforms[session.platform];
  *out += ',';
  *out += line.status;
  *out += line.id % 3 == 0 ? ",card," : line.id % 3 == 1 ? ",wallet," : ",transfer,";
  *out += person.ascii;
  AppendNumber(out, session.user);
  *out += '@';
  *out += kMailDomains[session.user % kMailDomains.size()];
  *out += ',';
  *out += CsvField(person.full);
  *out += ',';
  AppendTime(out, line.occurred_ms);
  *out += ',';
  AppendTime(out, line.occurred_ms + 900);
  *out += '\n';
}

std::string SaleId(const Event& event) {
  std::string id = "t-";
  AppendHex(&id, event.id_high);
  return id;
}

void CountSale(const Sale& sale, const Session& session, int base, Truth* truth) {
  StreamTruth& stream = truth->transactions;
  ++stream.lines;
  if (sale.fault == SaleFault::kUnreadableAmount || sale.fault == SaleFault::kNoId) {
    ++stream.quarantined;
    return;
  }
  ++stream.silver;
  if (sale.fault != SaleFault::kNone) {
    ++stream.dq_failed;
  } else if (sale.status == "completed") {
    truth->revenue[{base, std::string(sale.place->currency), session.platform}].gross += sale.minor;
  }
}

void WriteSale(const World& world, const Session& session, const Event& event, const Sale& sale,
               int base, GenerateFile& file, Truth* truth) {
  StreamTruth& stream = truth->transactions;
  std::string& out = file.buffer();
  const size_t start = out.size();
  AppendLine(&out, {"t-", event.id_high, "sale", "", sale.minor, sale.status, event.occurred_ms},
             sale, session);
  CountSale(sale, session, base, truth);
  const bool typed = sale.fault == SaleFault::kNone;
  if (sale.copied && typed) {
    const std::string copy = out.substr(start);
    out += copy;
    ++stream.lines;
    ++stream.duplicates;
  }
  if (sale.orphan_refund && typed) {
    AppendLine(&out,
               {"o-", event.id_low, "refund", "t-unknown", 100, "refunded", event.occurred_ms},
               sale, session);
    ++stream.lines;
    ++stream.silver;
    ++stream.dq_failed;
  }
  if (sale.garbage_after) {
    out += "t-cut-off,u_0000001,s-\n";
    ++stream.lines;
    ++stream.malformed;
  }
}

}  // namespace

const char* const kTransactionsHeader =
    "transaction_id,user_id,session_id,type,original_transaction_id,amount,currency,platform,"
    "status,"
    "payment_method,billing_email,card_holder,occurred_at,received_at\n";

void WriteTransaction(const World& world, const Session& session, const Event& event, int base,
                      int day, GenerateFile& file, Truth* truth) {
  if (event.type != EventType::kPurchase) return;
  const Sale sale = SaleOf(world, session, event);
  if (base == day) WriteSale(world, session, event, sale, base, file, truth);
  if (sale.refund_minor > 0 && world.DayOf(sale.refund_ms) == day) {
    AppendLine(&file.buffer(),
               {"r-", event.id_high, "refund", SaleId(event), sale.refund_minor, "refunded",
                sale.refund_ms},
               sale, session);
    ++truth->transactions.lines;
    ++truth->transactions.silver;
    ++truth->refunds;
    truth->revenue[{day, std::string(sale.place->currency), session.platform}].refunds +=
        sale.refund_minor;
  }
  file.Spill();
}

}  // namespace tarn::cli
