// '...' % arguments.
#include <algorithm>

#include "jinja/error.h"
#include "jinja/format_spec.h"
#include "jinja/iterate.h"
#include "jinja/methods.h"
#include "jinja/number.h"
#include "jinja/operations.h"
#include "jinja/session.h"
#include "jinja/text.h"

namespace tarn::jinja {

namespace {

class Percent {
 public:
  Percent(Session& session, const std::string& format, const Value& args)
      : session_(session), format_(format), args_(args) {}
  Result<Value> Run();

 private:
  Result<Value> NextArgument();
  Result<int64_t> Star();
  Status One();
  Result<std::string> Convert(FormatSpec spec, const Value& v);
  Result<std::string> ConvertInteger(FormatSpec spec, const Value& v);
  Result<Value> ReadKey();

  Session& session_;
  const std::string& format_;
  const Value& args_;
  size_t at_ = 0;
  size_t used_ = 0;
  bool by_name_ = false;
  std::string out_;
};

Result<Value> Percent::NextArgument() {
  if (args_.is_tuple()) {
    if (used_ >= args_.list().size()) return TypeError("not enough arguments for format string");
    return args_.list()[used_++];
  }
  if (used_++ > 0) return TypeError("not enough arguments for format string");
  return args_;
}

Result<int64_t> Percent::Star() {
  TARN_ASSIGN_OR_RETURN(Value v, NextArgument());
  if (v.kind() != Kind::kInt && !v.is_bool()) return TypeError("* wants int");
  return std::clamp<int64_t>(v.as_int(), -kWidest, kWidest);
}

Result<Value> Percent::ReadKey() {
  size_t depth = 1, begin = ++at_;
  while (at_ < format_.size() && depth > 0) {
    if (format_[at_] == '(') ++depth;
    if (format_[at_] == ')') --depth;
    ++at_;
  }
  if (depth > 0) return ValueError("incomplete format key");
  if (args_.is_undefined()) return UndefinedError(args_.undefined_message());
  if (!args_.is_dict()) return TypeError("format requires a mapping");
  by_name_ = true;
  std::string key = format_.substr(begin, at_ - begin - 1);
  const Value* v = args_.dict().Find(key);
  if (!v) return MakeError("KeyError", StringRepr(key));
  return *v;
}

Result<std::string> Percent::ConvertInteger(FormatSpec spec, const Value& v) {
  bool decimal = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
  if (v.is_undefined() && decimal) return UndefinedError(v.undefined_message());
  if (!v.is_number() || (!decimal && !v.is_integral())) {
    return TypeError(
        std::string("%") + spec.type + " format: " +
        (decimal ? "a real number is required, not " : "an integer is required, not ") +
        std::string(v.TypeName()));
  }
  Value i = v;
  if (v.kind() == Kind::kFloat) {
    TARN_ASSIGN_OR_RETURN(i, IntegerFromDouble(v.as_float()));
  }
  int64_t digits = spec.precision;
  spec.precision = -1;
  if (decimal) spec.type = 'd';
  if (digits < 0) return FormatInteger(spec, i);
  FormatSpec bare = spec;
  bare.width = 0;
  TARN_ASSIGN_OR_RETURN(std::string text, FormatInteger(bare, i));
  std::string sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ')
                         ? text.substr(0, 1)
                         : "";
  text.erase(0, sign.size());
  while (static_cast<int64_t>(text.size()) < digits) text.insert(0, "0");
  return PadField(spec, sign, text, '>');
}

Result<std::string> Percent::Convert(FormatSpec spec, const Value& v) {
  switch (spec.type) {
    case 's':
    case 'r':
    case 'a': {
      TARN_ASSIGN_OR_RETURN(std::string text,
                            spec.type == 's' ? session_.Text(v) : Result<std::string>(v.Repr()));
      if (spec.precision >= 0) text.resize(ByteOffset(text, static_cast<size_t>(spec.precision)));
      FormatSpec plain;
      plain.width = spec.width;
      plain.align = spec.align == '<' ? '<' : '>';
      return PadField(plain, "", text, '>');
    }
    case 'c': {
      std::string text;
      if (v.is_string() && CountCodePoints(v.str()) == 1) {
        text = v.str();
      } else if (v.is_integral()) {
        if (v.kind() == Kind::kBigInt || v.as_int() < 0 || v.as_int() > 0x10FFFF) {
          return MakeError("OverflowError", "%c arg not in range(0x110000)");
        }
        AppendUtf8(text, static_cast<char32_t>(v.as_int()));
      } else {
        return TypeError("%c requires int or char");
      }
      FormatSpec plain;
      plain.width = spec.width;
      return PadField(plain, "", text, spec.align == '<' ? '<' : '>');
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': return ConvertInteger(spec, v);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      if (v.is_undefined()) return UndefinedError(v.undefined_message());
      if (!v.is_number()) {
        return TypeError("must be real number, not " + std::string(v.TypeName()));
      }
      return FormatFloat(spec, v);
    default:
      return ValueError(
          std::string("unsupported format character '") + spec.type + "' (0x" +
          IntegerText(Value(static_cast<int64_t>(static_cast<unsigned char>(spec.type))), 16) +
          ") at index " + std::to_string(at_ - 1));
  }
}

Status Percent::One() {
  std::optional<Value> named;
  FormatSpec spec;
  spec.sign = '-';
  auto more = [&] { return at_ < format_.size(); };
  if (more() && format_[at_] == '(') {
    TARN_ASSIGN_OR_RETURN(named, ReadKey());
  }
  bool left = false, zero = false;
  for (; more(); ++at_) {
    char c = format_[at_];
    if (c == '-')
      left = true;
    else if (c == '+')
      spec.sign = '+';
    else if (c == ' ')
      spec.sign = spec.sign == '+' ? '+' : ' ';
    else if (c == '#')
      spec.alternate = true;
    else if (c == '0')
      zero = true;
    else
      break;
  }
  if (more() && format_[at_] == '*') {
    ++at_;
    TARN_ASSIGN_OR_RETURN(spec.width, Star());
    if (spec.width < 0) {
      left = true;
      spec.width = -spec.width;
    }
  } else {
    spec.width = std::max<int64_t>(0, ReadFormatNumber(format_, &at_));
  }
  if (more() && format_[at_] == '.') {
    ++at_;
    if (more() && format_[at_] == '*') {
      ++at_;
      TARN_ASSIGN_OR_RETURN(spec.precision, Star());
      spec.precision = std::max<int64_t>(0, spec.precision);
    } else {
      spec.precision = std::max<int64_t>(0, ReadFormatNumber(format_, &at_));
    }
  }
  while (more() && (format_[at_] == 'l' || format_[at_] == 'h' || format_[at_] == 'L')) ++at_;
  if (!more()) return ValueError("incomplete format");
  if (spec.width > kWidest || spec.precision > kWidest) return ValueError("width too big");
  spec.type = format_[at_++];
  if (spec.type == '%') {
    out_ += '%';
    return Status::Ok();
  }
  if (left) {
    spec.align = '<';
  } else if (zero) {
    spec.align = '=';
    spec.fill = "0";
  }
  Value v;
  if (named) {
    v = *named;
  } else {
    TARN_ASSIGN_OR_RETURN(v, NextArgument());
  }
  TARN_ASSIGN_OR_RETURN(std::string text, Convert(spec, v));
  out_ += text;
  return Status::Ok();
}

Result<Value> Percent::Run() {
  while (at_ < format_.size()) {
    char c = format_[at_++];
    if (c != '%') {
      out_ += c;
    } else {
      TARN_RETURN_IF_ERROR(One());
    }
  }
  bool all = args_.is_tuple() ? used_ >= args_.list().size()
                              : used_ > 0 || args_.is_dict() || args_.is_list();
  if (!all && !by_name_) return TypeError("not all arguments converted during string formatting");
  return Value(std::move(out_));
}

}  // namespace

Result<Value> PercentFormat(Session& session, const std::string& format, const Value& args) {
  return Percent(session, format, args).Run();
}

}  // namespace tarn::jinja
