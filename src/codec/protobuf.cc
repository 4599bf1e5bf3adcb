#include "codec/protobuf.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <charconv>
#include <cmath>
#include <mutex>

#include "base/base64.h"
#include "base/clock.h"
#include "codec/json_text.h"

namespace tarn::codec {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

constexpr const char* kMainFile = "registered.proto";

// Keeps the first complaint.
class Complaints final : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    if (!first_.empty()) return;
    first_ = "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " +
             message;
  }
  void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    if (first_.empty()) first_ = element + ": " + message;
  }
  const std::string& first() const { return first_; }

 private:
  std::string first_;
};

template <typename Number>
void AppendNumber(Number value, std::string* out) {
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(value)) {
      *out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
      return;
    }
  }
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  out->append(text, end);
}

bool IsWrapper(const pb::Descriptor& type) {
  switch (type.well_known_type()) {
    case pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
    case pb::Descriptor::WELLKNOWNTYPE_FLOATVALUE:
    case pb::Descriptor::WELLKNOWNTYPE_INT64VALUE:
    case pb::Descriptor::WELLKNOWNTYPE_UINT64VALUE:
    case pb::Descriptor::WELLKNOWNTYPE_INT32VALUE:
    case pb::Descriptor::WELLKNOWNTYPE_UINT32VALUE:
    case pb::Descriptor::WELLKNOWNTYPE_STRINGVALUE:
    case pb::Descriptor::WELLKNOWNTYPE_BYTESVALUE:
    case pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE: return true;
    default: return false;
  }
}

class JsonPrinter {
 public:
  explicit JsonPrinter(std::string* out) : out_(*out) {}

  void Print(const pb::Message& message) {
    const pb::Descriptor& type = *message.GetDescriptor();
    if (type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP) {
      return PrintTimestamp(message);
    }
    if (IsWrapper(type)) return PrintField(message, *type.FindFieldByNumber(1));
    out_ += '{';
    for (int i = 0; i < type.field_count(); ++i) {
      if (i > 0) out_ += ',';
      const Field& field = *type.field(i);
      out_ += JsonString(field.name());
      out_ += ':';
      PrintField(message, field);
    }
    out_ += '}';
  }

 private:
  void PrintTimestamp(const pb::Message& message) {
    const auto& reflection = *message.GetReflection();
    const auto& type = *message.GetDescriptor();
    const int64_t seconds = reflection.GetInt64(message, type.FindFieldByNumber(1));
    const int64_t nanos = reflection.GetInt32(message, type.FindFieldByNumber(2));
    constexpr int64_t kMostSeconds = INT64_MAX / 1'000'000 - 1;
    if (seconds > kMostSeconds || seconds < -kMostSeconds) {
      out_ += "null";
      return;
    }
    out_ += '"' + FormatTimestampUtc(seconds * 1'000'000 + nanos / 1'000) + '"';
  }

  void PrintField(const pb::Message& message, const Field& field) {
    const auto& reflection = *message.GetReflection();
    if (field.is_map()) return PrintMap(message, field);
    if (field.is_repeated()) {
      out_ += '[';
      const int count = reflection.FieldSize(message, &field);
      for (int i = 0; i < count; ++i) {
        if (i > 0) out_ += ',';
        PrintElement(message, field, i);
      }
      out_ += ']';
      return;
    }
    if (field.has_presence() && !reflection.HasField(message, &field)) {
      out_ += "null";
      return;
    }
    PrintElement(message, field, -1);
  }

  void PrintMap(const pb::Message& message, const Field& field) {
    const auto& reflection = *message.GetReflection();
    out_ += '{';
    const int count = reflection.FieldSize(message, &field);
    for (int i = 0; i < count; ++i) {
      if (i > 0) out_ += ',';
      const pb::Message& entry = reflection.GetRepeatedMessage(message, &field, i);
      const pb::Descriptor& type = *entry.GetDescriptor();
      std::string key;
      std::swap(key, out_);
      PrintField(entry, *type.FindFieldByNumber(1));
      std::swap(key, out_);
      out_ += key.starts_with('"') ? key : '"' + key + '"';
      out_ += ':';
      PrintField(entry, *type.FindFieldByNumber(2));
    }
    out_ += '}';
  }

  // `at` -1: the field is not repeated.
  void PrintElement(const pb::Message& message, const Field& field, int at) {
    const auto& get = *message.GetReflection();
    const auto* f = &field;
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32:
        return AppendNumber(
            at < 0 ? get.GetInt32(message, f) : get.GetRepeatedInt32(message, f, at), &out_);
      case Field::CPPTYPE_INT64:
        return AppendNumber(
            at < 0 ? get.GetInt64(message, f) : get.GetRepeatedInt64(message, f, at), &out_);
      case Field::CPPTYPE_UINT32:
        return AppendNumber(
            at < 0 ? get.GetUInt32(message, f) : get.GetRepeatedUInt32(message, f, at), &out_);
      case Field::CPPTYPE_UINT64:
        return AppendNumber(
            at < 0 ? get.GetUInt64(message, f) : get.GetRepeatedUInt64(message, f, at), &out_);
      case Field::CPPTYPE_DOUBLE:
        return AppendNumber(
            at < 0 ? get.GetDouble(message, f) : get.GetRepeatedDouble(message, f, at), &out_);
      case Field::CPPTYPE_FLOAT:
        return AppendNumber(
            at < 0 ? get.GetFloat(message, f) : get.GetRepeatedFloat(message, f, at), &out_);
      case Field::CPPTYPE_BOOL:
        out_ += (at < 0 ? get.GetBool(message, f) : get.GetRepeatedBool(message, f, at)) ? "true"
                                                                                         : "false";
        return;
      case Field::CPPTYPE_ENUM: return PrintEnum(message, field, at);
      case Field::CPPTYPE_STRING: return PrintBytes(message, field, at);
      case Field::CPPTYPE_MESSAGE:
        return Print(at < 0 ? get.GetMessage(message, f) : get.GetRepeatedMessage(message, f, at));
    }
  }

  void PrintEnum(const pb::Message& message, const Field& field, int at) {
    const auto& get = *message.GetReflection();
    const int number =
        at < 0 ? get.GetEnumValue(message, &field) : get.GetRepeatedEnumValue(message, &field, at);
    const auto* value = field.enum_type()->FindValueByNumber(number);
    if (value != nullptr) {
      out_ += JsonString(value->name());
    } else {
      AppendNumber(number, &out_);
    }
  }

  void PrintBytes(const pb::Message& message, const Field& field, int at) {
    const auto& get = *message.GetReflection();
    std::string scratch;
    const std::string& bytes = at < 0
                                   ? get.GetStringReference(message, &field, &scratch)
                                   : get.GetRepeatedStringReference(message, &field, at, &scratch);
    if (field.type() == Field::TYPE_BYTES) {
      out_ += '"' + Base64(bytes) + '"';
    } else {
      out_ += JsonString(bytes);
    }
  }

  std::string& out_;
};

}  // namespace

struct ProtobufSchema::Pool {
  pb::DescriptorPool pool;
  std::unique_ptr<pb::DynamicMessageFactory> factory;
  const pb::FileDescriptor* file = nullptr;

  Status Add(const std::string& name, const std::string& text) {
    pb::FileDescriptorProto proto;
    Complaints complaints;
    if (!ReadSerialized(text, &proto)) {
      TARN_RETURN_IF_ERROR(ReadText(name, text, &proto));
    }
    proto.set_name(name);
    for (const std::string& import : proto.dependency()) AddKnown(import);
    file = pool.BuildFileCollectingErrors(proto, &complaints);
    return file == nullptr ? Damaged(name, complaints.first()) : Status::Ok();
  }

  // Some serializers register the compiled file, in base64, and some registries give it back so.
  static bool ReadSerialized(const std::string& text, pb::FileDescriptorProto* proto) {
    const auto bytes = FromBase64(text);
    return bytes && proto->ParseFromString(*bytes) && proto->message_type_size() > 0;
  }

  static Status ReadText(const std::string& name, const std::string& text,
                         pb::FileDescriptorProto* proto) {
    pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
    Complaints complaints;
    pb::io::Tokenizer tokenizer(&input, &complaints);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(&complaints);
    return parser.Parse(&tokenizer, proto) ? Status::Ok() : Damaged(name, complaints.first());
  }

  // What libprotobuf has in itself: google/protobuf/timestamp.proto and others.
  void AddKnown(const std::string& name) {
    if (pool.FindFileByName(name) != nullptr) return;
    const auto* known = pb::DescriptorPool::generated_pool()->FindFileByName(name);
    if (known == nullptr) return;
    pb::FileDescriptorProto proto;
    known->CopyTo(&proto);
    for (const std::string& import : proto.dependency()) AddKnown(import);
    pool.BuildFile(proto);
  }

  static Status Damaged(const std::string& name, const std::string& why) {
    return Status::InvalidArgument("the Protobuf schema " + name + " cannot be read: " + why);
  }
};

ProtobufSchema::~ProtobufSchema() = default;

Result<std::shared_ptr<const ProtobufSchema>> ProtobufSchema::Parse(
    const std::string& text, const std::vector<ProtoFile>& imports) {
  // libprotobuf prints its opinions to standard error; what matters comes back as a Status.
  static std::once_flag silenced;
  std::call_once(silenced, [] { pb::SetLogHandler(nullptr); });
  std::shared_ptr<ProtobufSchema> out(new ProtobufSchema);
  out->pool_ = std::make_unique<Pool>();
  for (const ProtoFile& import : imports) {
    TARN_RETURN_IF_ERROR(out->pool_->Add(import.name, import.text));
  }
  TARN_RETURN_IF_ERROR(out->pool_->Add(kMainFile, text));
  out->pool_->factory = std::make_unique<pb::DynamicMessageFactory>(&out->pool_->pool);
  return std::shared_ptr<const ProtobufSchema>(std::move(out));
}

Result<std::string> ProtobufSchema::ToJson(std::string_view bytes,
                                           const std::vector<int32_t>& index) const {
  const pb::Descriptor* type = nullptr;
  for (const int32_t at : index) {
    const int count =
        type == nullptr ? pool_->file->message_type_count() : type->nested_type_count();
    if (at < 0 || at >= count) {
      return Status::InvalidArgument("the schema has no message at index " + std::to_string(at));
    }
    type = type == nullptr ? pool_->file->message_type(at) : type->nested_type(at);
  }
  if (type == nullptr) return Status::InvalidArgument("the message index is empty");
  const std::unique_ptr<pb::Message> message(pool_->factory->GetPrototype(type)->New());
  if (!message->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !message->IsInitialized()) {
    return Status::InvalidArgument("the bytes are no message " + type->full_name());
  }
  std::string out;
  JsonPrinter(&out).Print(*message);
  return out;
}

}  // namespace tarn::codec
