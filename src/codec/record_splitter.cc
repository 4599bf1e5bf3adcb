#include "codec/record_splitter.h"

#include <algorithm>
#include <cstring>

namespace tarn::codec {

void SplitBuffer::Feed(std::string_view chunk) {
  // Moving the tail down on every feed would cost the square of a long record fed in small chunks.
  if (head_ > 0 && head_ >= data_.size() / 2) {
    data_.erase(0, head_);
    base_ += static_cast<int64_t>(head_);
    head_ = 0;
  }
  data_.append(chunk);
}

std::string_view LineEndName(LineEnd line_end) {
  switch (line_end) {
    case LineEnd::kLf: return "lf";
    case LineEnd::kCrLf: return "crlf";
    case LineEnd::kCr: return "cr";
    case LineEnd::kUnknown: break;
  }
  return "unknown";
}

LineEnd LineEndFromName(std::string_view name) {
  if (name == "lf") return LineEnd::kLf;
  if (name == "crlf") return LineEnd::kCrLf;
  if (name == "cr") return LineEnd::kCr;
  return LineEnd::kUnknown;
}

namespace {

size_t FindByte(std::string_view bytes, size_t from, char wanted) {
  if (from >= bytes.size()) return std::string_view::npos;
  const void* hit = std::memchr(bytes.data() + from, wanted, bytes.size() - from);
  return hit == nullptr ? std::string_view::npos
                        : static_cast<size_t>(static_cast<const char*>(hit) - bytes.data());
}

// Until the first line end is known every byte is looked at once, for CR and LF together.
size_t FindEither(std::string_view bytes, size_t from) {
  const size_t at = bytes.find_first_of("\r\n", from);
  return at;
}

}  // namespace

std::optional<LineBreak> FindLineBreak(std::string_view bytes, size_t from, LineEnd known,
                                       bool whole, size_t* pending) {
  *pending = bytes.size();
  if (known == LineEnd::kLf || known == LineEnd::kCrLf) {
    const size_t at = FindByte(bytes, from, '\n');
    if (at == std::string_view::npos) return std::nullopt;
    const bool after_cr = at > 0 && bytes[at - 1] == '\r';
    return LineBreak{after_cr ? at - 1 : at, after_cr ? 2u : 1u, known};
  }
  const size_t at = known == LineEnd::kCr ? FindByte(bytes, from, '\r') : FindEither(bytes, from);
  if (at == std::string_view::npos) return std::nullopt;
  if (bytes[at] == '\n') return LineBreak{at, 1, LineEnd::kLf};
  if (at + 1 >= bytes.size()) {
    if (!whole) {
      *pending = at;
      return std::nullopt;
    }
    return LineBreak{at, 1, LineEnd::kCr};
  }
  const bool with_lf = bytes[at + 1] == '\n';
  if (known == LineEnd::kCr) return LineBreak{at, with_lf ? 2u : 1u, LineEnd::kCr};
  return LineBreak{at, with_lf ? 2u : 1u, with_lf ? LineEnd::kCrLf : LineEnd::kCr};
}

int64_t CountLineBreaks(std::string_view bytes, LineEnd known) {
  if (known == LineEnd::kCr) return std::count(bytes.begin(), bytes.end(), '\r');
  return std::count(bytes.begin(), bytes.end(), '\n');
}

}  // namespace tarn::codec
